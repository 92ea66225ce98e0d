// A service worker has no Web Workers: the model lives in a page of the extension.
chrome.action.onClicked.addListener(() => chrome.tabs.create({ url: 'chat.html' }));
