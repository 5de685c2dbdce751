// Shows state.json, and asks for it again every two seconds.
'use strict';
(() => {
  const id = x => document.getElementById(x);
  const el = (tag, cls, text) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const count = n => n.toLocaleString('en-US');
  const time = s => s < 60 ? Math.round(s) + ' s' : s < 3600 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h';
  const row = (...cells) => {
    const tr = el('tr');
    cells.forEach(([text, cls]) => tr.append(el('td', cls, text)));
    return tr;
  };
  const opened = new Set(); // stories that the reader has unfolded

  const show = s => {
    id('title').textContent = s.title;
    document.title = s.title;
    id('bar').max = Math.max(s.total, 1);
    id('bar').value = s.done;
    const rate = s.seconds > 0 ? s.cuts / s.seconds : 0;
    const figures = [
      ['Done', count(s.done) + ' of ' + count(s.total)], ['Cuts', count(s.cuts)], ['Cuts a second', count(Math.round(rate))],
      ['Time', time(s.seconds)], ['Left', s.done >= s.total ? 'none' : s.left > 0 ? time(s.left) : 'unknown'], ['Findings', count(s.findings.length)],
    ];
    id('figures').replaceChildren(...figures.map(([k, v]) => {
      const d = el('div');
      d.append(el('dt', '', k), el('dd', '', v));
      return d;
    }));
    id('sweeps').replaceChildren(...s.sweeps.map(x => row([x.name], [count(x.done), 'num'], [count(x.total), 'num'])));
    id('findings').replaceChildren(...(s.findings.length ? s.findings.map(f => {
      const key = f.text + f.place, line = el(f.story ? 'summary' : 'div');
      line.append(el('span', 'severity ' + f.severity, f.severity), document.createTextNode(' ' + f.text + ' '), el('span', 'muted', f.place + '; ' + count(f.count) + (f.count === 1 ? ' cut' : ' cuts')));
      if (!f.story) { line.className = 'finding'; return line; }
      const d = el('details', 'finding');
      d.open = opened.has(key);
      d.ontoggle = () => d.open ? opened.add(key) : opened.delete(key);
      d.append(line, el('pre', '', f.story));
      return d;
    }) : [el('p', 'muted', 'None yet.')]));
    id('workers').replaceChildren(...s.workers.map(w => row([w.name], [w.does], [count(w.pieces), 'num'], [w.rate.toFixed(1), 'num'])));
    id('team-section').hidden = !s.workers.length;
    id('parked').replaceChildren(...s.parked.map(p => el('li', '', p)));
    id('parked-section').hidden = !s.parked.length;
  };

  const ask = async () => {
    const status = id('status');
    try {
      const answer = await fetch('state.json', { cache: 'no-store' });
      if (!answer.ok) throw new Error('it says ' + answer.status);
      const s = await answer.json();
      show(s);
      const text = s.note || (s.total > 0 && s.done >= s.total ? 'Everything is explored.' : 'Runs.');
      if (status.textContent !== text) status.textContent = text;
      status.className = '';
    } catch (e) {
      const text = 'The server does not answer. The page asks again.';
      if (status.textContent !== text) status.textContent = text;
      status.className = 'lost';
    }
    setTimeout(ask, 2000);
  };
  ask();
})();
