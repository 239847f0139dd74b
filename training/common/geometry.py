"""Units, and the tables of src/geometry: the one place they are written down. In an installed package, which has no
src/, they are read from dist/geometry."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CROP_UNITS = 256  # across the codec's square crop, whatever its resolution; y down, z away from the camera


def source(name):
    """The text of a module of src/geometry, such as `regions`."""
    written = ROOT / 'src' / 'geometry' / f'{name}.ts'
    return (written if written.exists() else ROOT / 'dist' / 'geometry' / f'{name}.js').read_text()
