// Shows state.json, and asks for it again every two seconds. What has not changed stays in the page as it is: a reader keeps
// the focus, the selection, and what is unfolded.
'use strict';
(() => {
  const id = x => document.getElementById(x);
  const el = (tag, cls, text) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const set = (e, text) => { if (e.textContent !== text) e.textContent = text; };
  const count = n => n.toLocaleString('en-US');
  const many = (n, one) => count(n) + ' ' + one + (n === 1 ? '' : 's');
  const time = s => s < 60 ? Math.round(s) + ' s' : s < 3600 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h';
  // place makes the list the children of an element.
  const place = (parent, list) => {
    if (list.length === parent.children.length && list.every((e, i) => parent.children[i] === e)) return;
    const focus = document.activeElement;
    parent.replaceChildren(...list);
    if (focus !== document.activeElement && parent.contains(focus)) focus.focus();
  };
  const rows = (body, list) => {
    list.forEach((cells, r) => {
      const tr = body.rows[r] || body.insertRow();
      cells.forEach((text, i) => {
        const td = tr.cells[i] || tr.insertCell();
        td.className = typeof text === 'number' ? 'num' : '';
        set(td, typeof text === 'number' ? count(text) : text);
      });
    });
    while (body.rows.length > list.length) body.deleteRow(-1);
  };
  const made = new Map(); // elements that are there, by what they are of
  const keep = (key, make) => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  };

  const finding = (cause, f) => {
    const d = keep('finding ' + cause + '|' + f.text + '|' + f.place, () => {
      const d = el('details', 'finding');
      d.head = el('summary');
      d.append(d.head, el('pre', '', f.story || 'No story.'));
      d.head.append(el('span', 'severity ' + f.severity, f.severity), f.text + ' ', d.where = el('span', 'muted'));
      return d;
    });
    set(d.where, f.place + '; ' + many(f.count, 'cut'));
    return d;
  };
  const cause = c => {
    const d = keep('cause ' + c.name, () => {
      const d = el('details', 'cause'), head = el('summary');
      head.append(d.severity = el('span'), el('strong', '', c.name), ' ', d.sum = el('span', 'muted'), el('br'), el('span', 'what', c.what));
      d.append(head, el('p', '', c.cure), d.list = el('div'));
      return d;
    });
    d.severity.className = 'severity ' + c.severity;
    set(d.severity, c.severity);
    set(d.sum, many(c.findings.length, 'finding') + ', ' + many(c.findings.reduce((n, f) => n + f.count, 0), 'cut'));
    place(d.list, c.findings.map(f => finding(c.name, f)));
    return d;
  };

  const show = s => {
    set(id('title'), s.title);
    document.title = s.title;
    id('bar').value = s.share;
    const figures = [
      ['Done', (100 * s.share).toFixed(s.share < 1 ? 1 : 0) + ' %'], ['Sweeps', count(s.done) + ' of ' + count(s.total)], ['Cuts', count(s.cuts)],
      ['Cuts a second', count(Math.round(s.rate))], ['Time', time(s.seconds)], ['Left', s.share >= 1 ? 'none' : s.left > 0 ? time(s.left) : 'unknown'],
      ['Causes', count(s.causes.length)],
    ];
    place(id('figures'), figures.map(([k, v]) => {
      const d = keep('figure ' + k, () => {
        const d = el('div');
        d.append(el('dt', '', k), d.value = el('dd'));
        return d;
      });
      set(d.value, v);
      return d;
    }));
    rows(id('sweeps'), s.sweeps.map(x => [x.name, x.done, x.total]));
    set(id('newest'), s.newest ? 'The newest is ' + s.newest + '.' : s.causes.length ? '' : 'None yet.');
    place(id('causes'), s.causes.map(cause));
    place(id('waiting'), s.waiting.map(f => finding('', f)));
    id('waiting-section').hidden = !s.waiting.length;
    rows(id('workers'), s.workers.map(w => [w.name, w.does, w.pieces, Math.round(10 * w.rate) / 10]));
    id('team-section').hidden = !s.workers.length;
    place(id('parked'), s.parked.map(p => keep('parked ' + p, () => el('li', '', p))));
    id('parked-section').hidden = !s.parked.length;
  };

  const ask = async () => {
    const status = id('status');
    try {
      const answer = await fetch('state.json', { cache: 'no-store' });
      if (!answer.ok) throw new Error('it says ' + answer.status);
      const s = await answer.json();
      show(s);
      set(status, s.note || (s.share >= 1 ? 'Everything is explored.' : 'Runs.'));
      status.className = '';
    } catch (e) {
      set(status, 'The server does not answer. The page asks again.');
      status.className = 'lost';
    }
    setTimeout(ask, 2000);
  };
  ask();
})();
