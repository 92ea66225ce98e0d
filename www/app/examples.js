/** First messages offered as buttons: things that the tiny bundled model does well. */
export const EXAMPLES = Object.freeze([
  'What can you do?',
  'What is a ternary weight?',
  'Does my text leave the page?',
  'Why are you so fast?',
  'How do I load a bigger model?',
  'What is the capital of Japan?',
  'What is the opposite of big?',
  'Tell me a joke.',
]);
