Reflect.deleteProperty(Atomics, 'waitAsync');
export {};
