const most = Number(new URLSearchParams(location.search).get('most'));
const { arrayBuffer } = Blob.prototype;
Blob.prototype.arrayBuffer = function () {
  if (this.size > most) return Promise.reject(new RangeError(`${this.size} bytes at once`));
  return arrayBuffer.call(this);
};
export {};
