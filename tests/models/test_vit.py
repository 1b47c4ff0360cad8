"""What a token of the spatial stream sees."""

import pytest
import torch

from tsfmicro.models.vit import SpatialStream

SIZE = 64  # a grid of 4 × 4 tokens


def tokens_changed_by(stream, rows, columns):
    image = torch.zeros(1, 3, SIZE, SIZE)
    marked = image.clone()
    marked[:, :, rows, columns] = 1
    change = (stream.tokens(marked) - stream.tokens(image)).abs().sum(-1)[0]
    return change.nonzero().flatten().tolist()


def test_a_patch_token_sees_its_own_16_by_16_pixels():
    stream = SpatialStream(SIZE, 8, "patches")
    assert tokens_changed_by(stream, slice(16, 32), slice(32, 48)) == [1 * 4 + 2]


def test_a_thumbnail_token_sees_its_pixels_and_a_little_of_its_neighbours():
    stream = SpatialStream(SIZE, 8, "thumbnail")
    assert tokens_changed_by(stream, slice(4, 6), slice(4, 6)) == [0]
    assert tokens_changed_by(stream, slice(14, 18), slice(4, 6)) == [0, 4]


def test_an_even_face_gives_an_even_thumbnail():
    stream = SpatialStream(SIZE, 8, "thumbnail")
    tokens = stream.tokens(torch.full((1, 3, SIZE, SIZE), 0.5)) - stream.position
    torch.testing.assert_close(tokens, tokens[:, :1].expand_as(tokens))


@pytest.mark.parametrize("tokens", ["thumbnail", "patches"])
def test_every_position_learns_its_own_embedding(tokens):
    stream = SpatialStream(SIZE, 8, tokens)
    assert stream.position.shape == (1, 16, 8)
    assert stream(torch.randn(2, 3, SIZE, SIZE)).shape == (2, 4, 4, 8)
