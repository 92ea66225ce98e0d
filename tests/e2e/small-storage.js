const room = Number(new URLSearchParams(location.search).get('room'));
navigator.storage.estimate = async () => ({ usage: 100_000, quota: 100_000 + room });
export {};
