"""Attention and the pre-norm transformer layers of encoder and decoder."""
import torch
import torch.nn.functional as F
from torch import nn


def in_heads(x, heads, head):
    """N x T x heads C -> N x heads x T x C."""
    return x.reshape(x.shape[0], -1, heads, head).transpose(1, 2)


def attend(queries, keys, values):
    """Softmax attention of N x heads x T x C; `keys` are N x heads x C x T and scaled already. Gives N x T x heads C."""
    mixed = torch.softmax(queries @ keys, -1) @ values
    return mixed.transpose(1, 2).flatten(2)


def scaled_keys(x, heads, head):
    """Keys as `attend` takes them."""
    return in_heads(x, heads, head).transpose(2, 3) * head ** -0.5


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.into = nn.Linear(width, hidden)
        self.out = nn.Linear(hidden, width)

    def forward(self, x):
        return x + self.out(F.gelu(self.into(self.norm(x))))


class SelfLayer(nn.Module):
    """Self-attention over all tokens, then an MLP."""

    def __init__(self, shape):
        super().__init__()
        inner = shape.heads * shape.head
        self.split = (shape.heads, shape.head)
        self.norm = nn.LayerNorm(shape.width)
        self.all = nn.Linear(shape.width, 3 * inner, bias=False)
        self.out = nn.Linear(inner, shape.width)
        self.mlp = Mlp(shape.width, shape.hidden)

    def forward(self, x):
        queries, keys, values = self.all(self.norm(x)).chunk(3, -1)
        mixed = attend(in_heads(queries, *self.split), scaled_keys(keys, *self.split), in_heads(values, *self.split))
        return self.mlp(x + self.out(mixed))


class CrossLayer(nn.Module):
    """Attention of pixels to the set-latent, then an MLP. Keys and values depend on the set-latent alone."""

    def __init__(self, shape):
        super().__init__()
        inner = shape.decoder_heads * shape.head
        self.split = (shape.decoder_heads, shape.head)
        self.norm = nn.LayerNorm(shape.query)
        self.queries = nn.Linear(shape.query, inner, bias=False)
        self.keys_values = nn.Linear(shape.width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, shape.query)
        self.mlp = Mlp(shape.query, shape.decoder_hidden)

    def remember(self, latent):
        """Keys N x heads x C x T and values N x heads x T x C of a set-latent N x T x width."""
        keys, values = self.keys_values(latent).chunk(2, -1)
        return scaled_keys(keys, *self.split), in_heads(values, *self.split)

    def forward(self, x, keys, values):
        queries = in_heads(self.queries(self.norm(x)), *self.split)
        return self.mlp(x + self.out(attend(queries, keys, values)))
