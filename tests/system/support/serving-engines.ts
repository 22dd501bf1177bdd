/** A network for each way in which a replica serves: small ones are compiled, larger ones run on onnxruntime, TensorFlow.js takes what neither has. */
export const servingEngines = [
  { name: 'compiled', engine: 'compiled', modelSpec: undefined },
  {
    name: 'wide',
    engine: 'onnx',
    modelSpec: {
      layers: [
        { type: 'dense', units: 150, activation: 'relu' },
        { type: 'dense', units: 150, activation: 'relu' },
        { type: 'dense' },
      ],
    },
  },
  {
    name: 'layers',
    engine: 'tfjs',
    modelSpec: {
      model: {
        topology: {
          class_name: 'Sequential',
          config: {
            layers: [
              { class_name: 'Dense', config: { units: 12 } },
              { class_name: 'ELU', config: { alpha: 1 } },
              { class_name: 'Dense', config: { units: 3, activation: 'softmax' } },
            ],
          },
        },
      },
    },
  },
] as const;
