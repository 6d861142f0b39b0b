"""Protobuf to and from plain data: the only code that knows both the wire and the IR.

`splice` moves large fields without copies, `tensors` and `graphs` convert data, `messages`
requests, answers and listings. Nothing here knows grpc.
"""
