"""Widths of the FSRT networks (Rochow et al. 2024)."""
from dataclasses import dataclass


@dataclass
class Shape:
    """The defaults are the paper's full width; `small_decoder` is its small decoder (section 4.2)."""

    size: int = 256                # pixels across the pictures that all networks see; a multiple of 128
    keypoint_width: int = 32       # channels of the hourglass at full resolution
    keypoint_most: int = 1024      # and at most
    keypoint_blocks: int = 5
    keypoint_scale: int = 4        # the hourglass sees the picture so many times smaller
    keypoints: int = 10
    expression: int = 256          # |e|: 256, 128 or 64 in the paper
    keypoint_features: int = 32    # n_f of equation 8
    expression_hidden: int = 640   # outer layers of the MLP; the middle one is twice as wide
    patch: int = 8                 # pixels across what becomes a token: 8, 4 or 2; (size / patch)^2 at most 1024
    patch_width: int = 96          # of the patch CNN's first layer; doubled in each of the three blocks
    width: int = 768               # of the set-latent
    layers: int = 5
    heads: int = 12
    head: int = 64                 # channels of a head
    hidden: int = 1536             # of the transformer's MLPs
    query_hidden: int = 720
    decoder_heads: int = 12
    decoder_hidden: int = 1536
    render: str = '1536 1536 1536 1536'
    pixel_octaves: int = 16
    keypoint_octaves: int = 4

    @property
    def query(self):
        """Numbers of a query (equation 7): keypoints, pixel, expression."""
        return 4 * self.keypoint_octaves * self.keypoints + 4 * self.pixel_octaves + self.expression

    @property
    def render_widths(self):
        return [int(width) for width in self.render.split()]


def small_decoder(**others):
    """The paper's small decoder: half the heads and half the hidden widths."""
    return Shape(**{'decoder_heads': 6, 'decoder_hidden': 768, 'render': '1536 768', **others})
