() => {
  // A text file that is dropped on an examples box is read here, in the browser: the server takes no files.
  const MOST = 200000;
  document.addEventListener('dragover', e => {
    if (e.target.closest && e.target.closest('.gl-drop')) e.preventDefault();
  });
  document.addEventListener('drop', async e => {
    const box = e.target.closest && e.target.closest('.gl-drop');
    const file = e.dataTransfer && e.dataTransfer.files[0];
    if (!box || !file) return;
    e.preventDefault();
    const area = box.querySelector('textarea');
    area.value = (await file.slice(0, MOST).text());
    area.dispatchEvent(new Event('input', {bubbles: true}));
  });
}
