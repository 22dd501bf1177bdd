/*
 * Layers of Keras that the algebra has no mathematics for, or not with every setting, and that TensorFlow.js's own Layers build, differentiate and
 * serve. Left out are those that draw numbers without a seed (noise, alpha and spatial dropout, dropout inside of recurrent layers):
 * a fit could not be repeated.
 */

/** Layers of one input. */
const simple = [
  'Dense', 'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'PReLU', 'ThresholdedReLU', 'Softmax',
  'Dropout', 'BatchNormalization', 'LayerNormalization', 'Embedding',
  'Flatten', 'Reshape', 'Permute', 'RepeatVector', 'Masking',
  'Conv1D', 'Conv2D', 'SeparableConv2D', 'DepthwiseConv2D', 'Conv2DTranspose',
  'Cropping2D', 'ZeroPadding2D', 'UpSampling2D',
  'MaxPooling1D', 'MaxPooling2D', 'AveragePooling1D', 'AveragePooling2D',
  'GlobalMaxPooling1D', 'GlobalMaxPooling2D', 'GlobalAveragePooling1D', 'GlobalAveragePooling2D',
  'SimpleRNN', 'GRU', 'LSTM', 'Bidirectional', 'TimeDistributed',
]; // prettier-ignore

/** Layers of several inputs. */
const merging = ['Add', 'Average', 'Maximum', 'Minimum', 'Multiply', 'Concatenate', 'Dot'];

export const keptLayers: ReadonlySet<string> = new Set([...simple, ...merging]);
export const mergingLayers: ReadonlySet<string> = new Set(merging);
