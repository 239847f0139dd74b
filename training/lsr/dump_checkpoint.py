"""Writes the published LSR checkpoint's variables as an .npz: `python3 dump_checkpoint.py FOLDER lsr.npz`.

FOLDER holds the checkpoint (`checkpoint`, `ckpt-….index`, `ckpt-….data-…`). Needs TensorFlow 2 and nothing of
this project; `visavis import-lsr lsr.npz --out PACK` needs no TensorFlow.
"""
import sys

import numpy as np
import tensorflow as tf

reader = tf.train.load_checkpoint(sys.argv[1])
names = [name for name, kind in reader.get_variable_to_dtype_map().items()
         if kind == tf.float32 and '.OPTIMIZER_SLOT' not in name]
np.savez(sys.argv[2], **{name: reader.get_tensor(name) for name in names})
