"""Reads the files of other people's `torch.save` without running anything that they name.

PyTorch 1.13's own safe reader refuses fractions, which most checkpoints hold, and its other one runs what a file says.
"""
import collections
import pickle
import sys
import zipfile

import torch

STORAGES = {'FloatStorage': torch.float32, 'HalfStorage': torch.float16, 'DoubleStorage': torch.float64,
            'BFloat16Storage': torch.bfloat16, 'LongStorage': torch.int64, 'IntStorage': torch.int32,
            'ShortStorage': torch.int16, 'CharStorage': torch.int8, 'ByteStorage': torch.uint8, 'BoolStorage': torch.bool}


def tensor(storage, offset, size, stride, *_):
    """What `torch._utils._rebuild_tensor_v2` gives, within the storage's bounds."""
    last = offset + sum((length - 1) * step for length, step in zip(size, stride))
    if min([offset, *size, *stride]) < 0 or (0 not in size and last >= len(storage)):
        raise pickle.UnpicklingError('a tensor lies beyond its storage')
    return storage.as_strided(size, stride, offset).clone()


BUILDERS = {('collections', 'OrderedDict'): collections.OrderedDict,
            ('torch._utils', '_rebuild_tensor_v2'): tensor,
            ('torch._utils', '_rebuild_parameter'): lambda data, *_: data}


class Reader(pickle.Unpickler):
    """Builds tensors, dictionaries and plain values, and nothing else that a file names."""

    def __init__(self, archive, pickled):
        super().__init__(archive.open(pickled))
        self.archive, self.root, self.storages = archive, pickled.rsplit('/', 1)[0], {}

    def find_class(self, module, name):
        if module == 'torch' and name in STORAGES:
            return STORAGES[name]
        if (module, name) not in BUILDERS:
            raise pickle.UnpicklingError(f'it names {module}.{name}, which no weights need')
        return BUILDERS[module, name]

    def persistent_load(self, saved):
        kind, dtype, key, _, _ = saved
        if kind != 'storage' or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError('it holds something that is no tensor')
        if key not in self.storages:
            data = bytearray(self.archive.read(f'{self.root}/data/{key}'))
            self.storages[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return self.storages[key]


def read_checkpoint(path):
    """The dictionary in a file of `torch.save` (PyTorch 1.6 and later), tensors on the CPU. What is none, or names
    anything but tensors and plain values, ends the program with one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next((name for name in archive.namelist() if name.endswith('/data.pkl')), None)
            if pickled is None:
                raise pickle.UnpicklingError('it is a zip archive without data.pkl')
            state = Reader(archive, pickled).load()
    except Exception as error:  # a broken pickle may raise whatever it likes
        sys.exit(f'{path} cannot be read as a PyTorch checkpoint ({(str(error) or type(error).__name__).splitlines()[0]})')
    if not isinstance(state, dict):
        sys.exit(f'{path} holds no dictionary of weights')
    return state
