'use client';

import { BitNet } from 'bitnet-web';
import { useRef, useState } from 'react';

const MODEL = 'hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf'; // 1.18 GB, which the browser keeps

export function Chat() {
  const [answer, setAnswer] = useState('');
  const [status, setStatus] = useState('');
  const [isBusy, setBusy] = useState(false);
  const model = useRef(null);
  const abort = useRef(null);

  async function ask(event) {
    event.preventDefault();
    const messages = [{ role: 'user', content: new FormData(event.currentTarget).get('prompt') }];
    abort.current = new AbortController();
    const { signal } = abort.current;
    setBusy(true);
    setAnswer('');
    try {
      const onProgress = ({ loaded, total }) => setStatus(`${loaded} of ${total ?? '?'} bytes`);
      model.current ??= await BitNet.load(MODEL, { signal, onProgress });
      setStatus(`${model.current.info.threads} threads`);
      for await (const { text } of model.current.generate(messages, { signal })) setAnswer((before) => before + text);
    } catch (error) {
      setStatus(signal.aborted ? 'Stopped.' : error.message);
    }
    setBusy(false);
  }

  return (
    <form onSubmit={ask}>
      <input name="prompt" defaultValue="What is a ternary weight?" aria-label="Question" />
      <button disabled={isBusy}>Ask</button>
      <button id="stop" type="button" disabled={!isBusy} onClick={() => abort.current.abort()}>Stop</button>
      <output>{status}</output>
      <p id="answer" style={{ whiteSpace: 'pre-wrap' }}>{answer}</p>
    </form>
  );
}
