"""Protobuf code generated from ``proto/adglot/v1`` by ``make gen``: never edited by hand."""
