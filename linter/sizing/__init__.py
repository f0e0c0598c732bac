"""Models at other sizes than their files state: `resized` is the door.

A file may leave sizes open (ONNX symbols, a TFLite shape signature) and then says little of what
lies between: figures and verdicts need the sizes of every value. They follow from those of the
inputs, node by node; `onnx_rules` and `tflite_rules` say how, and what they do not say stays
unknown.
"""
