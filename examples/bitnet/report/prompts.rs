//! The fixed questions: the same for every model, so that reports can be compared.

/// Easy ones, one for each thing that tends to break: facts, sums, other scripts, code, lists, a longer text.
pub const QUESTIONS: [&str; 10] = [
    "What is the capital of France?",
    "What is 17 + 25?",
    "Name three colours.",
    "What is the opposite of cold?",
    "Translate to German: The weather is nice today.",
    "Write a Python function that returns the square of a number.",
    "Explain in one sentence why the sky is blue.",
    "Count from 1 to 10.",
    "Tell me a short story about a fox in the snow.",
    "What are ternary weights in a neural network?",
];
