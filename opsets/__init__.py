"""Support tables: what each accelerator path takes, as data, and the code that reads it."""
