// dom: what the page's files want of a browser when they are loaded.
Object.assign(globalThis, { addEventListener: () => {} });
