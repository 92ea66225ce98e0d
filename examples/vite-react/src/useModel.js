import { BitNet } from 'bitnet-web';
import { useEffect, useState } from 'react';

/**
 * Loads a model while the component is mounted. An effect may run twice (StrictMode does it on purpose): the first load is
 * aborted, and what it had fetched is in the browser's storage for the second.
 */
export function useModel(source) {
  const [state, setState] = useState({ status: 'Loading' });
  useEffect(() => {
    const abort = new AbortController();
    const onProgress = ({ loaded, total }) => setState({ status: `${loaded} of ${total ?? '?'} bytes` });
    const loading = BitNet.load(source, { signal: abort.signal, onProgress });
    loading.then(
      (model) => setState({ model, status: `${model.info.threads} threads` }),
      (error) => abort.signal.aborted || setState({ status: error.message }),
    );
    return () => {
      abort.abort();
      loading.then((model) => model.unload(), () => {});
    };
  }, [source]);
  return state;
}
