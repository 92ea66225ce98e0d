// What OpenAI's API answers, as a model here fills it: each type can stand where the `openai` package's type of the same name is
// expected. What no answer here ever has is left out.

/**
 * Tokens of a request and its answers.
 * @typedef {object} CompletionUsage
 * @property {number} prompt_tokens
 * @property {number} completion_tokens of all answers
 * @property {number} total_tokens
 * @property {{ cached_tokens: number, audio_tokens: number }} prompt_tokens_details `cached_tokens` were not computed again
 * @property {{ reasoning_tokens: number }} [completion_tokens_details] where the model has thought before it answered
 */

/**
 * One token of those that were likely.
 * @typedef {object} TopLogprob
 * @property {string} token
 * @property {number} logprob natural logarithm of its probability
 * @property {number[]} bytes in UTF-8
 */

/** @typedef {TopLogprob & { top_logprobs: TopLogprob[] }} ChatCompletionTokenLogprob The token that was chosen, and the likeliest in its place. */

/**
 * Log-probabilities of an answer's tokens, where they were asked for.
 * @typedef {object} ChatCompletionLogprobs
 * @property {ChatCompletionTokenLogprob[] | null} content
 * @property {null} refusal
 * @property {ChatCompletionTokenLogprob[]} [reasoning_content] of what the model has thought, named as DeepSeek's API names it
 */

/**
 * A call of a tool.
 * @typedef {object} ChatCompletionMessageToolCall
 * @property {string} id
 * @property {'function'} type
 * @property {{ name: string, arguments: string }} function its arguments are JSON
 */

/**
 * What the model says.
 * @typedef {object} ChatCompletionMessage
 * @property {'assistant'} role
 * @property {string | null} content null where it only calls tools
 * @property {null} refusal
 * @property {never[]} annotations
 * @property {ChatCompletionMessageToolCall[]} [tool_calls]
 * @property {string} [reasoning_content] what it has thought before, as llama.cpp's, vLLM's and DeepSeek's servers tell it
 */

/** @typedef {'stop' | 'length' | 'tool_calls' | 'content_filter'} ChatFinishReason `content_filter`: a guard has ended the answer. */

/**
 * An answer to a chat.
 * @typedef {object} ChatCompletion
 * @property {string} id
 * @property {'chat.completion'} object
 * @property {number} created seconds since 1970
 * @property {string} model
 * @property {{ index: number, message: ChatCompletionMessage, logprobs: ChatCompletionLogprobs | null, finish_reason: ChatFinishReason }[]} choices
 * @property {CompletionUsage} usage
 */

/**
 * A piece of a call: the first of each has its id and name.
 * @typedef {object} ChatCompletionToolCallDelta
 * @property {number} index
 * @property {string} [id]
 * @property {'function'} [type]
 * @property {{ name?: string, arguments: string }} function
 */

/**
 * What a chunk adds to a message.
 * @typedef {object} ChatCompletionDelta
 * @property {'assistant'} [role]
 * @property {string} [content]
 * @property {null} [refusal]
 * @property {ChatCompletionToolCallDelta[]} [tool_calls]
 * @property {string} [reasoning_content]
 */

/** @typedef {{ index: number, delta: ChatCompletionDelta, logprobs: ChatCompletionLogprobs | null, finish_reason: ChatFinishReason | null }} ChatCompletionChunkChoice */

/**
 * A piece of an answer to a chat.
 * @typedef {object} ChatCompletionChunk
 * @property {string} id the same in all chunks of a request
 * @property {'chat.completion.chunk'} object
 * @property {number} created seconds since 1970
 * @property {string} model
 * @property {ChatCompletionChunkChoice[]} choices one; none in the chunk with the usage
 * @property {CompletionUsage | null} [usage] with `stream_options: { include_usage: true }`: null but in the last chunk
 */

/**
 * Log-probabilities of a text's tokens.
 * @typedef {object} CompletionLogprobs
 * @property {string[]} tokens
 * @property {number[]} token_logprobs
 * @property {Record<string, number>[]} top_logprobs
 * @property {number[]} text_offset characters before each token
 */

/** @typedef {'stop' | 'length' | 'content_filter'} TextFinishReason */

/** @typedef {{ index: number, text: string, logprobs: CompletionLogprobs | null, finish_reason: TextFinishReason }} CompletionChoice */

/**
 * What continues a text.
 * @typedef {object} TextCompletion
 * @property {string} id
 * @property {'text_completion'} object
 * @property {number} created seconds since 1970
 * @property {string} model
 * @property {CompletionChoice[]} choices
 * @property {CompletionUsage} usage
 */

/**
 * A piece of what continues a text.
 * @typedef {object} TextCompletionChunk
 * @property {string} id the same in all chunks of a request
 * @property {'text_completion'} object
 * @property {number} created seconds since 1970
 * @property {string} model
 * @property {(Omit<CompletionChoice, 'finish_reason'> & { finish_reason: TextFinishReason | null })[]} choices one; none in the
 *   chunk with the usage
 * @property {CompletionUsage | null} [usage] as in {@link ChatCompletionChunk}
 */

/**
 * A text's vector: numbers, or with `encoding_format: 'base64'` their bytes as little-endian floats of 32 bits.
 * @template {number[] | string} [Vector=number[]]
 * @typedef {{ object: 'embedding', index: number, embedding: Vector }} Embedding
 */

/**
 * Vectors of texts.
 * @template {number[] | string} [Vector=number[]]
 * @typedef {{ object: 'list', data: Embedding<Vector>[], model: string, usage: { prompt_tokens: number, total_tokens: number } }} CreateEmbeddingResponse
 */

/**
 * The model that is loaded, as OpenAI's API describes it.
 * @typedef {object} ModelDescription
 * @property {string} id
 * @property {'model'} object
 * @property {number} created seconds since 1970
 * @property {'bitnet-web'} owned_by
 */

/** @typedef {string | readonly { type: string, text?: string | undefined }[] | null | undefined} ChatMessageContent Text, or parts of which only those with `type: 'text'` are read. */

/**
 * A turn of a conversation in a request.
 * @typedef {object} ChatMessageParam
 * @property {string} role `developer` is read as `system`
 * @property {ChatMessageContent} [content]
 * @property {string | undefined} [name]
 * @property {readonly object[] | undefined} [tool_calls]
 * @property {string | undefined} [tool_call_id]
 * @property {string | null | undefined} [refusal] read in place of a `content` that is not there
 * @property {string | null | undefined} [reasoning_content] for templates that show what the model has thought
 */

/** @typedef {{ type: string, function?: { name: string, description?: string | undefined, parameters?: object | undefined, strict?: boolean | null | undefined } | undefined }} ChatTool A tool of the type `function`. */

/**
 * A function that is to be called (`type: 'function'`), or those of the tools that may be (`type: 'allowed_tools'`).
 * @typedef {{ type: string, function?: { name: string } | undefined,
 *   allowed_tools?: { mode: 'auto' | 'required', tools: readonly object[] } | undefined }} NamedToolChoice
 */

/**
 * What an answer must follow; see {@link ResponseFormat} for the schemas.
 * @typedef {{ type: 'text' } | { type: 'json_object' }
 *   | { type: 'json_schema', json_schema: { name?: string | undefined, description?: string | undefined, schema?: object | undefined, strict?: boolean | null | undefined } }} ChatResponseFormat
 */

export {};
