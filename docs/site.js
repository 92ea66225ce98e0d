// Links of the bar lead to the pages beside the documentation, wherever all of it is served.
const base = document.documentElement.dataset.base;
for (const link of document.querySelectorAll('.tsd-toolbar-links a, #tsd-toolbar-links a')) {
  const [, page] = /#site:(.*)$/.exec(link.href) ?? [];
  if (page !== undefined) link.href = new URL(page, new URL(`${base}../`, location.href)).href;
}
