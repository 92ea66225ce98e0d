Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
export {};
