// With `?deaf` nobody hears of errors that nothing caught: as if the browser had ended the script in the middle.
if (new URLSearchParams(location.search).has('deaf')) {
  for (const type of ['unhandledrejection', 'error']) {
    addEventListener(type, (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
    });
  }
}
export {};
