/** A network for each way in which a replica serves: small ones are compiled, TensorFlow.js takes those with more weights. */
export const servingEngines = [
  { name: 'compiled', engine: 'compiled', modelSpec: undefined },
  {
    name: 'layers',
    engine: 'tfjs',
    modelSpec: {
      layers: [
        { type: 'dense', units: 150, activation: 'relu' },
        { type: 'dense', units: 150, activation: 'relu' },
        { type: 'dense' },
      ],
    },
  },
] as const;
