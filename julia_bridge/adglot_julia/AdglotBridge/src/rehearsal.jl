# What is compiled ahead, when packages are precompiled: the way of a small graph through an engine.

"x -> sum(x sin(x)), of three numbers."
function rehearsed_graph()
    vector, number = TensorType(Float64, (3,)), TensorType(Float64, ())
    none = Dict{String,Any}()
    nodes = [
        Node("sin", [1], none, [vector]),
        Node("multiply", [1, 2], none, [vector]),
        Node("sum", [3], Dict{String,Any}("axes" => [0]), [number]),
    ]
    return Graph([vector], nodes, [4])
end

"""
    rehearse(home, engine)

Answer every operator of an engine once. An engine's extension, `home`, does so while it is
precompiled.
"""
rehearse(home::Module, engine::String) = rehearse(home, engine, ENGINES[engine].operators)

function rehearse(home::Module, engine::String, operators::Vector{Symbol})
    OPEN[] = home
    program = Program(rehearsed_graph())
    for operator in operators
        rehearse(make_ready(program, Request(operator, [1], [1], "auto", 0, 0, false), engine))
    end
    OPEN[] = nothing
end

function rehearse(prepared::Prepared)
    memory = ones(16)
    GC.@preserve memory begin
        address = Int(UInt(pointer(memory)))
        Base.invokelatest(run!, prepared, fill(address, address_count(prepared)))
    end
end
