# Read protobuf's wire format (https://protobuf.dev/programming-guides/encoding): the little that
# adglot.v1.Graph and adglot.v1.Tensor need.

"A stretch of bytes that holds one message."
mutable struct Reader
    const bytes::Vector{UInt8}
    at::Int
    const stop::Int
end

Reader(bytes::Vector{UInt8}) = Reader(bytes, 1, length(bytes))

done(r::Reader) = r.at > r.stop

function varint(r::Reader)
    value, shift = UInt64(0), 0
    while true
        byte = r.bytes[r.at]
        r.at += 1
        value |= UInt64(byte & 0x7f) << shift
        byte < 0x80 && return value
        shift += 7
    end
end

integer(r::Reader) = reinterpret(Int64, varint(r))

function fixed(r::Reader, ::Type{T}) where {T}
    value = only(reinterpret(T, r.bytes[r.at:(r.at + sizeof(T) - 1)]))
    r.at += sizeof(T)
    return ltoh(value)
end

"The message (or string, or bytes) that comes next."
function delimited(r::Reader)
    length = Int(varint(r))
    inner = Reader(r.bytes, r.at, r.at + length - 1)
    r.at += length
    return inner
end

"Call `read(number, value)` for every field; a value is a UInt64, a Float64, or a Reader."
function each_field(read, r::Reader)
    while !done(r)
        key = varint(r)
        number, wire = Int(key >> 3), Int(key & 7)
        if wire == 0
            read(number, varint(r))
        elseif wire == 1
            read(number, fixed(r, Float64))
        elseif wire == 2
            read(number, delimited(r))
        else
            error("wire type $wire is none that a graph has")
        end
    end
end

text(r::Reader) = String(bytes(r))
bytes(r::Reader) = r.bytes[r.at:r.stop]

"Integers that stand packed in one field, or one by one in several."
function append_integers!(values::Vector{Int}, field)
    if field isa Reader
        while !done(field)
            push!(values, integer(field))
        end
    else
        push!(values, reinterpret(Int64, field))
    end
    return values
end
