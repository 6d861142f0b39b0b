// Get the Jacobian of a function of a matrix from an adglot server, and check it.
//
//   adglot serve                       in one terminal
//   npm install && npm start           in another, in this folder
//
// ADGLOT_SERVER names the server (default localhost:50051), ADGLOT_PROTO the folder of the proto
// files (default the repository's).

"use strict";

const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const SERVER = process.env.ADGLOT_SERVER || "localhost:50051";
const PROTO = process.env.ADGLOT_PROTO || path.join(__dirname, "..", "..", "proto");
const ROWS = 2;
const COLUMNS = 3;

function connect() {
  const definition = protoLoader.loadSync("adglot/v1/derivative_service.proto", {
    includeDirs: [PROTO],
    longs: Number,
    enums: String,
    defaults: true,
  });
  const { DerivativeService } = grpc.loadPackageDefinition(definition).adglot.v1;
  return new DerivativeService(SERVER, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
}

// Every method of the client as a function that returns a promise.
function ask(client, method, request) {
  const deadline = Date.now() + 30000;
  return new Promise((resolve, reject) => {
    client[method](request, { deadline }, (error, reply) => (error ? reject(error) : resolve(reply)));
  });
}

// Tensors are little-endian and row-major, whatever this machine prefers.
function tensor(values, shape) {
  const data = Buffer.alloc(8 * values.length);
  values.forEach((value, i) => data.writeDoubleLE(value, 8 * i));
  return { dtype: "DATA_TYPE_FLOAT64", shape, data };
}

function numbers({ data }) {
  return Array.from({ length: data.length / 8 }, (_, i) => data.readDoubleLE(8 * i));
}

// f(X) = sin(X).T, a matrix to a matrix. Values are numbered: X is 0, sin(X) is 1, f(X) is 2.
const graph = {
  inputs: [{ dtype: "DATA_TYPE_FLOAT64", shape: [ROWS, COLUMNS] }],
  nodes: [
    { op: "sin", operands: [0] },
    { op: "permute_dims", operands: [1], attributes: { axes: { integers: { values: [1, 0] } } } },
  ],
  outputs: [2],
  inputNames: ["X"],
  opset: 1,
};

// d f[i,j] / d X[k,l] is cos(X[j,i]) where k = j and l = i, and zero elsewhere.
function expectedJacobian(x) {
  const jacobian = [];
  for (let i = 0; i < COLUMNS; i++)
    for (let j = 0; j < ROWS; j++)
      for (let k = 0; k < ROWS; k++)
        for (let l = 0; l < COLUMNS; l++)
          jacobian.push(k === j && l === i ? Math.cos(x[j * COLUMNS + i]) : 0);
  return jacobian;
}

async function main() {
  const client = connect();
  const x = [0.5, -1.0, 2.0, 3.0, 0.25, -4.0];

  const { digest } = await ask(client, "RegisterGraph", { graph });
  console.log(`registered as ${digest}`);

  const request = { digest, inputs: [tensor(x, [ROWS, COLUMNS])], includeValues: true };
  const { values, derivatives, report } = await ask(client, "Jacobian", request);
  console.log(`f(X) has shape ${values[0].shape}, its Jacobian ${derivatives[0].shape}`);
  console.log(`engine ${report.engine}, ${report.mode}, ${report.passes} passes`);

  const expected = expectedJacobian(x);
  const error = Math.max(...numbers(derivatives[0]).map((value, i) => Math.abs(value - expected[i])));
  const shape = [COLUMNS, ROWS, ROWS, COLUMNS];
  if (String(derivatives[0].shape) !== String(shape) || !(error < 1e-15)) {
    throw new Error(`the Jacobian differs from the expected one by ${error}`);
  }
  console.log(`agrees with the Jacobian by hand to ${error}`);
  client.close();
}

main().catch((error) => {
  console.error(`${error}`);
  process.exit(1);
});
