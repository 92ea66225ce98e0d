import { useRef, useState } from 'react';
import { useModel } from './useModel.js';

const MODEL = 'hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf'; // 1.18 GB, which the browser keeps

export function Chat() {
  const { model, status } = useModel(MODEL);
  const [messages, setMessages] = useState([]);
  const [isBusy, setBusy] = useState(false);
  const abort = useRef(null);

  async function ask(event) {
    event.preventDefault();
    const question = new FormData(event.currentTarget).get('prompt');
    const turns = [...messages, { role: 'user', content: question }];
    abort.current = new AbortController();
    setBusy(true);
    let content = '';
    try {
      for await (const { text } of model.generate(turns, { signal: abort.current.signal })) {
        content += text;
        setMessages([...turns, { role: 'assistant', content }]);
      }
    } catch (error) {
      if (!abort.current.signal.aborted) setMessages([...turns, { role: 'assistant', content: error.message }]);
    }
    setBusy(false);
  }

  return (
    <main>
      <output>{status}</output>
      {messages.map(({ role, content }, index) => (
        <p key={index} className={role} style={{ whiteSpace: 'pre-wrap' }}>{content}</p>
      ))}
      <form onSubmit={ask}>
        <input name="prompt" defaultValue="What is a ternary weight?" aria-label="Question" />
        <button disabled={!model || isBusy}>Ask</button>
        <button id="stop" type="button" disabled={!isBusy} onClick={() => abort.current.abort()}>Stop</button>
      </form>
    </main>
  );
}
