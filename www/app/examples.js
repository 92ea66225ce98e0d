/** First messages offered as buttons: things that the tiny bundled model does well. */
export const EXAMPLES = Object.freeze([
  'Hello! Who are you?',
  'What is a ternary weight?',
  'Tell me a short story about a fox in a snowy forest.',
  'What is 47 + 38?',
  'Sort: 9, 4, 7, 1',
  'What is the capital of Japan?',
  'What is the opposite of warm?',
]);
