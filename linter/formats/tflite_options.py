"""Facts of the TFLite schema: the options of the builtin operators, as data.

Written as `npulint.formats.flatbuffer_schema` says. Source: google-ai-edge/LiteRT
tflite/converter/schema/schema.fbs @f6745779 (`quant_spec` is newer: the schema of ai-edge-litert
2.3.0); which operator reads which table:
tflite/converter/core/api/flatbuffer_conversions.cc @f6745779.
"""

from __future__ import annotations

from collections.abc import Mapping

OPTION_TABLES: Mapping[str, str] = {
    "StablehloGatherOptions": (
        "offset_dims:[long] collapsed_slice_dims:[long] start_index_map:[long] "
        "index_vector_dim:long slice_sizes:[long] indices_are_sorted:bool"
    ),
    "StablehloTransposeOptions": "permutation:[long]",
    "StablehloDotGeneralOptions": (
        "lhs_batching_dimensions:[long] rhs_batching_dimensions:[long] "
        "lhs_contracting_dimensions:[long] rhs_contracting_dimensions:[long] "
        "precision_config:[StablehloPrecisionConfig]"
    ),
    "StablehloReduceWindowOptions": (
        "window_dimensions:[long] window_strides:[long] base_dilations:[long] "
        "window_dilations:[long] padding:[long] body_subgraph_index:int"
    ),
    "StablehloWhileOptions": "cond_subgraph_index:int body_subgraph_index:int",
    "StablehloSortOptions": "dimension:long is_stable:bool comparator_subgraph_index:int",
    "StablehloConcatenateOptions": "dimension:long",
    "StablehloBroadcastInDimOptions": "broadcast_dimensions:[long]",
    "StablehloCompareOptions": (
        "comparison_direction:StablehloComparisonDirection compare_type:StablehloComparisonType"
    ),
    "StablehloDynamicSliceOptions": "slice_sizes:[long]",
    "StablehloPadOptions": (
        "edge_padding_low:[long] edge_padding_high:[long] interior_padding:[long]"
    ),
    "StablehloIotaOptions": "iota_dimension:long",
    "StablehloCustomCallOptions": (
        "call_target_name:string has_side_effect:bool backend_config:string api_version:int "
        "called_computations:[int] custom_attributes:[ubyte]"
    ),
    "StablehloReduceOptions": "dimensions:[long] body_subgraph_index:int",
    "StablehloSliceOptions": "start_indices:[long] limit_indices:[long] strides:[long]",
    "StablehloConvolutionOptions": (
        "window_strides:[long] padding:[long] lhs_dilation:[long] rhs_dilation:[long] "
        "window_reversal:[bool] input_batch_dimension:long input_feature_dimension:long "
        "input_spatial_dimensions:[long] kernel_input_feature_dimension:long "
        "kernel_output_feature_dimension:long kernel_spatial_dimensions:[long] "
        "output_batch_dimension:long output_feature_dimension:long "
        "output_spatial_dimensions:[long] feature_group_count:long batch_group_count:long "
        "precision_config:[StablehloPrecisionConfig]"
    ),
    "StablehloScatterOptions": (
        "indices_are_sorted:bool update_window_dims:[long] inserted_window_dims:[long] "
        "scatter_dims_to_operand_dims:[long] index_vector_dim:long unique_indices:bool "
        "update_computation_subgraph_index:int"
    ),
    "StablehloCaseOptions": "branch_subgraph_indices:[int]",
    "StablehloRngBitGeneratorOptions": "algorithm:RngAlgorithm",
    "Conv2DOptions": (
        "padding:Padding stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType dilation_w_factor:int=1 "
        "dilation_h_factor:int=1 quantized_bias_type:TensorType"
    ),
    "Conv3DOptions": (
        "padding:Padding stride_d:int stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType dilation_d_factor:int=1 "
        "dilation_w_factor:int=1 dilation_h_factor:int=1"
    ),
    "Pool2DOptions": (
        "padding:Padding stride_w:int stride_h:int filter_width:int filter_height:int "
        "fused_activation_function:ActivationFunctionType"
    ),
    "DepthwiseConv2DOptions": (
        "padding:Padding stride_w:int stride_h:int depth_multiplier:int "
        "fused_activation_function:ActivationFunctionType dilation_w_factor:int=1 "
        "dilation_h_factor:int=1"
    ),
    "ConcatEmbeddingsOptions": (
        "num_channels:int num_columns_per_channel:[int] embedding_dim_per_channel:[int]"
    ),
    "LSHProjectionOptions": "type:LSHProjectionType",
    "SVDFOptions": (
        "rank:int fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool"
    ),
    "RNNOptions": (
        "fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool"
    ),
    "SequenceRNNOptions": (
        "time_major:bool fused_activation_function:ActivationFunctionType "
        "asymmetric_quantize_inputs:bool"
    ),
    "BidirectionalSequenceRNNOptions": (
        "time_major:bool fused_activation_function:ActivationFunctionType merge_outputs:bool "
        "asymmetric_quantize_inputs:bool"
    ),
    "FullyConnectedOptions": (
        "fused_activation_function:ActivationFunctionType "
        "weights_format:FullyConnectedOptionsWeightsFormat keep_num_dims:bool "
        "asymmetric_quantize_inputs:bool quantized_bias_type:TensorType quant_spec:[ubyte]"
    ),
    "SoftmaxOptions": "beta:float",
    "ConcatenationOptions": "axis:int fused_activation_function:ActivationFunctionType",
    "AddOptions": "fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1",
    "MulOptions": "fused_activation_function:ActivationFunctionType",
    "L2NormOptions": "fused_activation_function:ActivationFunctionType",
    "LocalResponseNormalizationOptions": "radius:int bias:float alpha:float beta:float",
    "LSTMOptions": (
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "kernel_type:LSTMKernelType asymmetric_quantize_inputs:bool"
    ),
    "UnidirectionalSequenceLSTMOptions": (
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "time_major:bool asymmetric_quantize_inputs:bool diagonal_recurrent_tensors:bool"
    ),
    "BidirectionalSequenceLSTMOptions": (
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "merge_outputs:bool time_major:bool=1 asymmetric_quantize_inputs:bool"
    ),
    "ResizeBilinearOptions": "-:int -:int align_corners:bool half_pixel_centers:bool",
    "ResizeNearestNeighborOptions": "align_corners:bool half_pixel_centers:bool",
    "CallOptions": "subgraph:uint",
    "ReshapeOptions": "new_shape:[int]",
    "SkipGramOptions": "ngram_size:int max_skip_size:int include_all_ngrams:bool",
    "SpaceToDepthOptions": "block_size:int",
    "DepthToSpaceOptions": "block_size:int",
    "SubOptions": "fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1",
    "DivOptions": "fused_activation_function:ActivationFunctionType",
    "EmbeddingLookupSparseOptions": "combiner:CombinerType",
    "GatherOptions": "axis:int batch_dims:int",
    "ReducerOptions": "keep_dims:bool",
    "SqueezeOptions": "squeeze_dims:[int]",
    "SplitOptions": "num_splits:int",
    "SplitVOptions": "num_splits:int",
    "StridedSliceOptions": (
        "begin_mask:int end_mask:int ellipsis_mask:int new_axis_mask:int shrink_axis_mask:int "
        "offset:bool"
    ),
    "CastOptions": "in_data_type:TensorType out_data_type:TensorType",
    "ArgMaxOptions": "output_type:TensorType",
    "ArgMinOptions": "output_type:TensorType",
    "TransposeConvOptions": (
        "padding:Padding stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType quantized_bias_type:TensorType"
    ),
    "SparseToDenseOptions": "validate_indices:bool",
    "ShapeOptions": "out_type:TensorType",
    "FakeQuantOptions": "min:float max:float num_bits:int narrow_range:bool",
    "PackOptions": "values_count:int axis:int",
    "OneHotOptions": "axis:int",
    "UnpackOptions": "num:int axis:int",
    "LeakyReluOptions": "alpha:float",
    "MirrorPadOptions": "mode:MirrorPadMode",
    "UniqueOptions": "idx_out_type:TensorType=2",
    "ReverseSequenceOptions": "seq_dim:int batch_dim:int",
    "IfOptions": "then_subgraph_index:int else_subgraph_index:int",
    "CallOnceOptions": "init_subgraph_index:int",
    "WhileOptions": "cond_subgraph_index:int body_subgraph_index:int",
    "BatchMatMulOptions": "adj_x:bool adj_y:bool asymmetric_quantize_inputs:bool",
    "CumsumOptions": "exclusive:bool reverse:bool",
    "HashtableOptions": "table_id:int key_dtype:TensorType value_dtype:TensorType",
    "VarHandleOptions": "container:string shared_name:string",
    "RandomOptions": "seed:long seed2:long",
    "BucketizeOptions": "boundaries:[float]",
    "GeluOptions": "approximate:bool",
    "ReduceWindowOptions": "reduce_function:ReduceWindowFunction",
    "StableHLOCompositeOptions": (
        "name:string decomposition_subgraph_index:int composite_attributes:[ubyte] "
        "composite_attributes_format:CustomOptionsFormat version:int"
    ),
}

OPERATORS_OF: Mapping[str, str] = {
    "AddOptions": "ADD",
    "ArgMaxOptions": "ARG_MAX",
    "ArgMinOptions": "ARG_MIN",
    "BatchMatMulOptions": "BATCH_MATMUL",
    "BidirectionalSequenceLSTMOptions": "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BidirectionalSequenceRNNOptions": "BIDIRECTIONAL_SEQUENCE_RNN",
    "BucketizeOptions": "BUCKETIZE",
    "CallOnceOptions": "CALL_ONCE",
    "CallOptions": "CALL",
    "CastOptions": "CAST",
    "ConcatEmbeddingsOptions": "CONCAT_EMBEDDINGS",
    "ConcatenationOptions": "CONCATENATION",
    "Conv2DOptions": "CONV_2D",
    "Conv3DOptions": "CONV_3D CONV_3D_TRANSPOSE",
    "CumsumOptions": "CUMSUM",
    "DepthToSpaceOptions": "DEPTH_TO_SPACE",
    "DepthwiseConv2DOptions": "DEPTHWISE_CONV_2D",
    "DivOptions": "DIV",
    "EmbeddingLookupSparseOptions": "EMBEDDING_LOOKUP_SPARSE",
    "FakeQuantOptions": "FAKE_QUANT",
    "FullyConnectedOptions": "FULLY_CONNECTED",
    "GatherOptions": "GATHER",
    "GeluOptions": "GELU",
    "HashtableOptions": "HASHTABLE",
    "IfOptions": "IF",
    "L2NormOptions": "L2_NORMALIZATION",
    "LSHProjectionOptions": "LSH_PROJECTION",
    "LSTMOptions": "LSTM",
    "LeakyReluOptions": "LEAKY_RELU",
    "LocalResponseNormalizationOptions": "LOCAL_RESPONSE_NORMALIZATION",
    "MirrorPadOptions": "MIRROR_PAD",
    "MulOptions": "MUL",
    "OneHotOptions": "ONE_HOT",
    "PackOptions": "PACK",
    "Pool2DOptions": "AVERAGE_POOL_2D L2_POOL_2D MAX_POOL_2D",
    "RNNOptions": "RNN",
    "RandomOptions": "MULTINOMIAL RANDOM_STANDARD_NORMAL RANDOM_UNIFORM",
    "ReduceWindowOptions": "REDUCE_WINDOW",
    "ReducerOptions": "MEAN REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM",
    "ReshapeOptions": "RESHAPE",
    "ResizeBilinearOptions": "RESIZE_BILINEAR",
    "ResizeNearestNeighborOptions": "RESIZE_NEAREST_NEIGHBOR",
    "ReverseSequenceOptions": "REVERSE_SEQUENCE",
    "SVDFOptions": "SVDF",
    "SequenceRNNOptions": "UNIDIRECTIONAL_SEQUENCE_RNN",
    "ShapeOptions": "SHAPE",
    "SkipGramOptions": "SKIP_GRAM",
    "SoftmaxOptions": "SOFTMAX",
    "SpaceToDepthOptions": "SPACE_TO_DEPTH",
    "SparseToDenseOptions": "SPARSE_TO_DENSE",
    "SplitOptions": "SPLIT",
    "SplitVOptions": "SPLIT_V",
    "SqueezeOptions": "SQUEEZE",
    "StableHLOCompositeOptions": "STABLEHLO_COMPOSITE",
    "StablehloBroadcastInDimOptions": "STABLEHLO_BROADCAST_IN_DIM",
    "StablehloCaseOptions": "STABLEHLO_CASE",
    "StablehloCompareOptions": "STABLEHLO_COMPARE",
    "StablehloConcatenateOptions": "STABLEHLO_CONCATENATE",
    "StablehloConvolutionOptions": "STABLEHLO_CONVOLUTION",
    "StablehloCustomCallOptions": "STABLEHLO_CUSTOM_CALL",
    "StablehloDotGeneralOptions": "STABLEHLO_DOT_GENERAL",
    "StablehloDynamicSliceOptions": "STABLEHLO_DYNAMIC_SLICE",
    "StablehloGatherOptions": "STABLEHLO_GATHER",
    "StablehloIotaOptions": "STABLEHLO_IOTA",
    "StablehloPadOptions": "STABLEHLO_PAD",
    "StablehloReduceOptions": "STABLEHLO_REDUCE",
    "StablehloReduceWindowOptions": "STABLEHLO_REDUCE_WINDOW",
    "StablehloRngBitGeneratorOptions": "STABLEHLO_RNG_BIT_GENERATOR",
    "StablehloScatterOptions": "STABLEHLO_SCATTER",
    "StablehloSliceOptions": "STABLEHLO_SLICE",
    "StablehloSortOptions": "STABLEHLO_SORT",
    "StablehloTransposeOptions": "STABLEHLO_TRANSPOSE",
    "StablehloWhileOptions": "STABLEHLO_WHILE",
    "StridedSliceOptions": "STRIDED_SLICE",
    "SubOptions": "SUB",
    "TransposeConvOptions": "TRANSPOSE_CONV",
    "UnidirectionalSequenceLSTMOptions": "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UniqueOptions": "UNIQUE",
    "UnpackOptions": "UNPACK",
    "VarHandleOptions": "VAR_HANDLE",
    "WhileOptions": "WHILE",
}
"""Which operators read which table; an operator that is not named here has no options."""
