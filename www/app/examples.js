/** First messages offered as buttons: things that the tiny bundled model does well. */
export const EXAMPLES = Object.freeze([
  'Who are you?',
  'What is a ternary weight?',
  'Tell me a funny story about a fox in a castle.',
  'What is 47 + 38?',
  'Sort these numbers: 9, 4, 7, 1',
  'What is the capital of Japan?',
  'What is the opposite of big?',
]);
