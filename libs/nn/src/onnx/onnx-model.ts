import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/*
 * The part of the ONNX format that a training graph needs, written with field numbers of onnx.proto (onnx 1.23,
 * Apache-2.0). The numbers never change: the format promises compatibility. Equal graphs give equal bytes.
 */

/** Version of the format's container, and of the operators: what every onnxruntime since 1.14 reads. */
const irVersion = 8;
const operatorSet = 18;

/** TensorProto.DataType. */
export const elementNumbers = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
export type ElementType = keyof typeof elementNumbers;

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, graph: 5 } as const;

export type OnnxAttribute =
  { kind: 'float'; value: number } | { kind: 'int'; value: number } | { kind: 'graph'; value: OnnxGraph };

export interface OnnxNode {
  operator: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, OnnxAttribute>;
}

/** A name with its type and shape; a dimension that is a word is known only when the graph runs. */
export interface OnnxValue {
  name: string;
  type: ElementType;
  shape: (number | string)[];
}

/** A constant of a graph. */
export interface OnnxTensor {
  name: string;
  type: 'float32' | 'float64' | 'int64';
  shape: number[];
  data: readonly number[] | Float32Array;
}

export interface OnnxGraph {
  name: string;
  nodes: OnnxNode[];
  constants: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** The bytes of a model file that holds `graph`. */
export function encodeOnnxModel(graph: OnnxGraph, producer: { name: string; version: string }): Uint8Array {
  const writer = new BinaryWriter();
  int(writer, 1, irVersion);
  text(writer, 2, producer.name);
  text(writer, 3, producer.version);
  message(writer, 7, () => writeGraph(writer, graph));
  message(writer, 8, () => int(writer, 2, operatorSet));
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, graph.name);
  for (const tensor of graph.constants) message(writer, 5, () => writeTensor(writer, tensor));
  for (const value of graph.inputs) message(writer, 11, () => writeValue(writer, value));
  for (const value of graph.outputs) message(writer, 12, () => writeValue(writer, value));
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  text(writer, 4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes))
    message(writer, 5, () => writeAttribute(writer, name, attribute));
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  text(writer, 1, name);
  if (attribute.kind === 'float') writer.tag(2, WireType.Bit32).float(attribute.value);
  else if (attribute.kind === 'int') int(writer, 3, attribute.value);
  else message(writer, 6, () => writeGraph(writer, attribute.value));
  int(writer, 20, attributeTypes[attribute.kind]);
}

function writeTensor(writer: BinaryWriter, tensor: OnnxTensor): void {
  for (const dimension of tensor.shape) int(writer, 1, dimension);
  int(writer, 2, elementNumbers[tensor.type]);
  text(writer, 8, tensor.name);
  const size = tensor.type === 'float32' ? 4 : 8;
  const view = new DataView(new ArrayBuffer(tensor.data.length * size));
  for (const [i, value] of tensor.data.entries()) {
    if (tensor.type === 'float32') view.setFloat32(i * size, value, true);
    else if (tensor.type === 'int64') view.setBigInt64(i * size, BigInt(value), true);
    else view.setFloat64(i * size, value, true);
  }
  writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(view.buffer));
}

function writeValue(writer: BinaryWriter, value: OnnxValue): void {
  text(writer, 1, value.name);
  message(writer, 2, () => {
    message(writer, 1, () => {
      int(writer, 1, elementNumbers[value.type]);
      message(writer, 2, () => {
        for (const dimension of value.shape) {
          message(writer, 1, () => {
            if (typeof dimension === 'number') int(writer, 1, dimension);
            else text(writer, 2, dimension);
          });
        }
      });
    });
  });
}

function int(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
