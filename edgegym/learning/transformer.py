"""A small transformer on images, whose rows are its tokens."""

from functools import partial

import torch
from torch import Tensor, nn

WIDTH, HEADS, LAYERS = 32, 4, 2


class RowTransformer(nn.Module):
    """A pre-norm transformer encoder that reads an image row by row.

    On the digits of 8x8 pixels 8 tokens, and 26,346 parameters.

    Examples
    --------
    >>> network = RowTransformer((1, 8, 8), 10)
    >>> sum(p.numel() for p in network.parameters()), network(torch.zeros(5, 1, 8, 8)).shape
    (26346, torch.Size([5, 10]))
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, n_layers: int = LAYERS) -> None:
        super().__init__()
        n_channels, n_rows, n_columns = shape
        self.embedding = nn.Linear(n_channels * n_columns, WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(n_rows, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH,
            HEADS,
            4 * WIDTH,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, n_layers, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        # The encoder copies one layer; each begins with weights of its own.
        for parameter in self.encoder.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        self.head = nn.Linear(WIDTH, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits of images, (B, channels, rows, columns)."""
        rows = images.permute(0, 2, 1, 3).flatten(2)
        return self.head(self.encoder(self.embedding(rows) + self.position).mean(dim=1))


#: The same with more layers: row-transformer-4 and row-transformer-6.
four_layers = partial(RowTransformer, n_layers=4)
six_layers = partial(RowTransformer, n_layers=6)
