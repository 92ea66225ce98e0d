/** First messages offered as buttons: things that the tiny bundled model does well. */
export const EXAMPLES = Object.freeze([
  'What can you do?',
  'Tell me a funny story about a dragon in a library.',
  'What is 17 x 18?',
  'What is a ternary weight?',
  'Does my text leave the page?',
  'How do I load a bigger model?',
  'What is the capital of Japan?',
  'Sort these numbers: 42, 7, 19, 88',
]);
