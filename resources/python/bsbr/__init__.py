"""Converts pre-trained decoders to block-sparse attention with block retrieval; runs the program `bsbr`."""

from .converter import TransformerToBSBRConverter, convert_to_bsbr
from .program import BsbrError

__all__ = ["BsbrError", "TransformerToBSBRConverter", "convert_to_bsbr"]
