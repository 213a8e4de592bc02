() => {
  const MOST = 200000;  // characters of a dropped file that are read
  const box = id => document.querySelector(`#${id} textarea`);
  const put = (area, text) => {
    area.value = text;
    area.dispatchEvent(new Event('input', {bubbles: true}));
  };

  // On a narrow screen the answers stand below the form: they are brought to the top, and again while they grow, for
  // at first the page is too short for that. Whoever scrolls meanwhile is let alone.
  let waiting = false;
  const reveal = () => {
    const answers = document.getElementById('gl-answers');
    if (innerWidth < 760 && Math.abs(answers.getBoundingClientRect().top) > 4) answers.scrollIntoView();
  };
  for (const moved of ['wheel', 'touchmove']) document.addEventListener(moved, () => { waiting = false; }, {passive: true});

  // One way to begin: a chip, a card of the bank and the page's own address fill the form and press its button.
  const begin = (task, examples) => {
    [...document.querySelectorAll('[role=tab]')].find(t => t.textContent.trim() === 'Create')?.click();
    put(box('gl-description'), task);
    put(box('gl-examples'), examples);
    document.getElementById('gl-make').click();
  };
  document.addEventListener('click', e => {
    const found = e.target.closest('[data-try], [data-focus], #gl-make');
    if (!found) return;
    if (found.dataset.try) begin(found.dataset.try, '');
    else if (found.dataset.focus) box(found.dataset.focus)?.focus();
    else {
      const answers = document.getElementById('gl-answers');
      answers.classList.add('gl-busy');  // what it shows is of the task before, until the server says more
      waiting = true;
      reveal();
    }
  });

  const BUTTONS = {'gl-description': 'gl-make', 'gl-examples': 'gl-make', 'gl-message': 'gl-ask', 'gl-own': 'gl-score'};
  document.addEventListener('keydown', e => {
    if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey) || e.isComposing) return;
    const button = BUTTONS[e.target.closest('[id^=gl-]')?.id];
    if (!button) return;
    e.preventDefault();
    document.getElementById(button)?.click();
  });

  // The address names the task that is shown, so that a reload or a shared link shows it again.
  const follow = shown => {
    const address = new URL(location);
    for (const key of ['task', 'examples']) {
      if (shown.dataset[key]) address.searchParams.set(key, shown.dataset[key]);
      else address.searchParams.delete(key);
    }
    if (address.href !== location.href) history.replaceState(null, '', address);
  };
  const ready = setInterval(() => {
    const answers = document.getElementById('gl-answers');
    if (!answers || !box('gl-description') || !document.getElementById('gl-make')) return;
    clearInterval(ready);
    new MutationObserver(() => {
      answers.classList.remove('gl-busy');
      const shown = answers.querySelector('[data-task]');
      if (!shown) return;
      follow(shown);
      if (waiting) reveal();
      waiting &&= answers.querySelector('.gl-typing') !== null;
    }).observe(answers, {childList: true, subtree: true});
    const asked = new URL(location).searchParams;
    if (asked.get('task') || asked.get('examples')) begin(asked.get('task') || '', asked.get('examples') || '');
  }, 50);

  // A text that does not fit is cut by the browser without a word: say so.
  const tell = (area, most, came) => {
    const block = area.closest('.block');
    const note = block.querySelector('.gl-cut') || block.appendChild(document.createElement('p'));
    note.className = 'gl-cut';
    note.setAttribute('role', 'status');
    note.textContent = `Cut: ${most.toLocaleString('en')} characters fit here, and ${came.toLocaleString('en')} came.`;
    area.addEventListener('input', () => note.remove(), {once: true});
  };
  document.addEventListener('paste', e => {
    const area = e.target;
    const text = e.clipboardData?.getData('text') ?? '';
    if (!(area.maxLength > 0)) return;
    const came = area.value.length - (area.selectionEnd - area.selectionStart) + text.length;
    if (came > area.maxLength) setTimeout(() => tell(area, area.maxLength, came));
  });

  // Pictures are made small here and become text: the server takes no files.
  document.addEventListener('change', async e => {
    if (e.target.id !== 'gl-files') return;
    const lines = [];
    for (const file of [...e.target.files].slice(0, 5)) {
      try {
        const image = await createImageBitmap(file);
        const scale = Math.min(1, 256 / Math.max(image.width, image.height));
        const canvas = document.createElement('canvas');
        canvas.width = Math.max(1, Math.round(image.width * scale));
        canvas.height = Math.max(1, Math.round(image.height * scale));
        canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
        lines.push(canvas.toDataURL(scale < 1 ? 'image/jpeg' : 'image/png', 0.92));
      } catch {
        lines.push(`not a picture: ${file.name}`);
      }
    }
    put(box('gl-pictures'), lines.join('\n'));
  });

  // A text file that is dropped on an examples box is read here, in the browser: the server takes no files.
  document.addEventListener('dragover', e => {
    if (e.target.closest && e.target.closest('.gl-drop')) e.preventDefault();
  });
  document.addEventListener('drop', async e => {
    const target = e.target.closest && e.target.closest('.gl-drop');
    const file = e.dataTransfer && e.dataTransfer.files[0];
    if (!target || !file) return;
    e.preventDefault();
    const area = target.querySelector('textarea');
    const text = await file.slice(0, 4 * MOST + 4).text();  // four bytes a character at most
    put(area, text.slice(0, MOST));
    if (text.length > MOST) tell(area, MOST, Math.max(text.length, file.size));
  });
}
