// Steps through the films of findings. Each <details class="film"> holds one as JSON; it is drawn when it opens.
'use strict';
(() => {
  const hex = (n, w) => n.toString(16).toUpperCase().padStart(w, '0');
  const addr = n => '0x' + hex(n, 8);
  const el = (tag, cls, text) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const bytes = b64 => Uint8Array.from(atob(b64 || ''), c => c.charCodeAt(0));

  class Film {
    constructor(root) {
      this.root = root;
      this.f = JSON.parse(root.querySelector('script').textContent);
      this.size = this.f.sectors.reduce((a, b) => a + b, 0);
      this.kinds = JSON.parse(document.getElementById('box-kinds').textContent);
      this.at = Math.max(this.f.cut, 0);
      this.pick = null; // address that the person has chosen; null: what the frame changes
      this.build();
      this.show();
    }

    build() {
      const bar = el('div', 'film-bar');
      const step = (text, name, by) => {
        const b = el('button', '', text);
        b.type = 'button';
        b.setAttribute('aria-label', name);
        b.onclick = () => this.go(this.at + by);
        return b;
      };
      this.slider = el('input');
      this.slider.type = 'range';
      this.slider.min = 0;
      this.slider.max = this.f.frames.length - 1;
      this.slider.setAttribute('aria-label', 'Frame of the film');
      this.slider.oninput = () => this.go(+this.slider.value);
      bar.append(step('◀', 'One frame back', -1), this.slider, step('▶', 'One frame on', 1));
      if (this.f.cut >= 0) {
        const b = el('button', '', 'To the cut');
        b.type = 'button';
        b.onclick = () => this.go(this.f.cut);
        bar.append(b);
      }
      this.count = el('span', 'muted');
      bar.append(this.count);
      this.scene = el('p', 'film-scene');
      this.scene.setAttribute('aria-live', 'polite');
      this.map = el('div', 'film-map');
      this.map.setAttribute('role', 'group');
      this.map.setAttribute('aria-label', 'Flash, one row a sector');
      let at = this.f.base;
      this.rows = this.f.sectors.map(n => {
        const row = el('div', 'film-row'), lane = el('div', 'film-lane');
        row.append(el('span', 'film-addr', addr(at)), lane);
        lane.dataset.at = at;
        lane.dataset.size = n;
        lane.onclick = e => {
          const r = lane.getBoundingClientRect();
          this.pick = +lane.dataset.at + Math.floor((e.clientX - r.left) / r.width * n);
          this.show();
        };
        at += n;
        return { row, lane, at: at - n, size: n };
      });
      const busy = this.busySectors();
      let left = 0;
      for (const r of this.rows) {
        if (busy.has(r.at)) this.map.append(r.row); else left++;
      }
      if (left) this.map.append(el('p', 'muted', left === 1 ? 'One more sector does not change.' : left + ' more sectors do not change.'));
      this.legend = el('p', 'film-legend');
      const parts = el('div', 'film-parts');
      this.recs = el('div', 'film-table');
      this.keys = el('div', 'film-table');
      this.recs.tabIndex = this.keys.tabIndex = 0;
      for (const [part, name] of [[this.recs, 'What lies on flash'], [this.keys, 'Keys']]) {
        part.setAttribute('role', 'region');
        part.setAttribute('aria-label', name);
      }
      parts.append(this.recs, this.keys);
      this.dump = el('pre', 'film-dump');
      this.dump.tabIndex = 0;
      this.dump.setAttribute('role', 'region');
      this.dump.setAttribute('aria-label', 'Bytes');
      const box = el('div', 'film-view');
      box.append(bar, this.scene, this.map, this.legend, parts, this.dump);
      this.root.append(box);
      box.onkeydown = e => {
        if (e.target === this.slider || e.altKey || e.ctrlKey || e.metaKey) return;
        const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (by) { this.go(this.at + by); e.preventDefault(); }
      };
    }

    // busySectors are the addresses of the sectors that the film changes, or that hold something.
    busySectors() {
      const out = new Set();
      const add = (at, n) => {
        for (const r of this.rows) if (at < r.at + r.size && at + n > r.at) out.add(r.at);
      };
      for (const fr of this.f.frames) {
        for (const p of fr.patches || []) add(p.at, p.size || 1);
        for (const b of fr.boxes || []) if (b.kind) add(b.at, 1);
      }
      if (this.rows.length <= 16) for (const r of this.rows) out.add(r.at);
      return out;
    }

    go(n) {
      const to = Math.min(Math.max(n, 0), this.f.frames.length - 1);
      if (to === this.at) return;
      this.at = to;
      this.pick = null;
      this.show();
    }

    // state is the flash after frame n: known bytes, boxes, belief.
    state(n) {
      const cells = new Map(), fills = [], boxes = new Map();
      let belief = null, keys = [];
      const put = p => {
        if (p.data) bytes(p.data).forEach((b, i) => cells.set(p.at + i, b));
        if (p.size) {
          fills.push(p);
          for (const k of cells.keys()) if (k >= p.at && k < p.at + p.size) cells.delete(k);
        }
      };
      (this.f.start || []).forEach(put);
      for (let i = 0; i <= n; i++) {
        const fr = this.f.frames[i];
        (fr.patches || []).forEach(put);
        for (const b of fr.boxes || []) b.kind ? boxes.set(b.at, b) : boxes.delete(b.at);
        if (fr.belief) belief = fr.belief[0].key ? fr.belief : [];
        if (fr.closed) belief = null;
        if (fr.keys) keys = fr.keys;
      }
      const byte = a => {
        if (cells.has(a)) return cells.get(a);
        for (let i = fills.length - 1; i >= 0; i--) if (a >= fills[i].at && a < fills[i].at + fills[i].size) return fills[i].fill || 0;
        return this.f.partial ? null : this.f.erased;
      };
      return { byte, boxes: [...boxes.values()].sort((a, b) => a.at - b.at), belief, keys };
    }

    show() {
      const fr = this.f.frames[this.at], s = this.state(this.at), cut = this.f.cut;
      this.slider.value = this.at;
      const when = cut < 0 ? '' : this.at === cut ? ', the cut' : this.at < cut ? ', ' + (cut - this.at) + ' before the cut' : ', ' + (this.at - cut) + ' after the cut';
      this.count.textContent = 'Frame ' + (this.at + 1) + ' of ' + this.f.frames.length + when;
      this.slider.setAttribute('aria-valuetext', this.count.textContent);
      this.scene.replaceChildren(el('strong', '', fr.scene || 'Before'), document.createTextNode(': ' + fr.text));
      this.scene.classList.toggle('film-cut', this.at === cut);
      const changed = fr.patches || [];
      for (const r of this.rows) {
        r.lane.replaceChildren();
        const mark = (cls, at, n, title) => {
          if (at >= r.at + r.size || at + n <= r.at) return;
          const e = el('span', cls), from = Math.max(at, r.at), to = Math.min(at + n, r.at + r.size);
          e.style.left = (from - r.at) / r.size * 100 + '%';
          e.style.width = 'max(2px, ' + (to - from) / r.size * 100 + '%)';
          if (title) e.title = title;
          r.lane.append(e);
        };
        for (const b of s.boxes) mark('film-box k-' + b.kind, b.at, b.size, addr(b.at) + ' ' + b.kind + ': ' + b.text);
        for (const p of changed) mark('film-change', p.at, p.size || bytes(p.data).length, 'changed in this frame');
      }
      const used = new Set(s.boxes.map(b => b.kind));
      this.legend.replaceChildren(...this.kinds.filter(k => used.has(k[0])).map(k => {
        const e = el('span');
        e.append(el('span', 'film-key k-' + k[0]), document.createTextNode(k[1]));
        return e;
      }));
      this.showBoxes(s, fr);
      this.showKeys(s, fr);
      this.showBytes(s, changed);
    }

    table(into, caption, head, rows) {
      const t = el('table'), h = el('tr');
      t.append(el('caption', '', caption));
      head.forEach(x => { const th = el('th', '', x); th.scope = 'col'; h.append(th); });
      const thead = el('thead'), body = el('tbody');
      thead.append(h);
      rows.forEach(r => body.append(r));
      t.append(thead, body);
      into.replaceChildren(t);
    }

    showBoxes(s, fr) {
      const fresh = new Set((fr.boxes || []).map(b => b.at));
      this.table(this.recs, 'On flash', ['Address', 'What'], s.boxes.map(b => {
        const tr = el('tr', fresh.has(b.at) ? 'film-fresh' : ''), td = el('td'), go = el('button', 'film-link', addr(b.at));
        go.type = 'button';
        go.onclick = () => { this.pick = b.at; this.show(); };
        td.append(go);
        const what = el('td');
        what.append(el('span', 'film-key k-' + b.kind), document.createTextNode(b.kind + ': ' + b.text));
        tr.append(td, what);
        return tr;
      }));
    }

    showKeys(s, fr) {
      const want = new Map(s.keys.map(k => [k.key, k.text]));
      const live = new Map(), believed = new Map();
      for (const b of s.boxes) {
        const m = /^"((?:[^"\\]|\\.)*)", (\d+) bytes$/.exec(b.text || '');
        if (m && b.kind === 'live') live.set(m[1], m[2] + ' bytes at ' + addr(b.at));
        if (b.kind === 'reserved') live.set('reserved data', 'at ' + addr(b.at));
      }
      for (const b of s.belief || []) believed.set(b.key, b.at);
      const all = [...new Set([...want.keys(), ...live.keys(), ...believed.keys()])].sort();
      if (!all.length) { this.keys.replaceChildren(); return; }
      const there = new Set(s.boxes.filter(b => b.kind === 'live').map(b => b.at));
      this.table(this.keys, s.belief ? 'Keys: what must hold, what lies on flash, what the store believes' : 'Keys: what must hold, what lies on flash; the store is not open', ['Key', 'Must be', 'On flash', 'The store believes'], all.map(k => {
        const tr = el('tr');
        tr.append(el('td', '', k), el('td', '', want.get(k) || 'missing'), el('td', '', live.get(k) || 'missing'));
        const b = believed.get(k), td = el('td', '', b === undefined ? (s.belief ? (k === 'reserved data' ? '' : 'missing') : '') : addr(b));
        if (b !== undefined && !there.has(b)) td.className = 'film-wrong';
        tr.append(td);
        return tr;
      }));
    }

    showBytes(s, changed) {
      const first = changed.length ? changed[0].at : this.lastChange();
      const mid = this.pick === null ? first : this.pick;
      const from = Math.max(this.f.base, Math.min((mid & ~15) - 32, this.f.base + this.size - 128) >>> 0);
      const inChange = a => changed.some(p => a >= p.at && a < p.at + (p.size || bytes(p.data).length));
      const out = [document.createTextNode('Bytes from ' + addr(from) + '; what this frame changes is marked. ?? is not kept in the report.\n')];
      for (let a = from; a < Math.min(from + 128, this.f.base + this.size); a += 16) {
        out.push(document.createTextNode(addr(a) + ' '));
        let text = '';
        for (let i = 0; i < 16 && a + i < this.f.base + this.size; i++) {
          const b = s.byte(a + i), str = b === null ? '??' : hex(b, 2);
          out.push(document.createTextNode(' '), inChange(a + i) ? el('mark', '', str) : document.createTextNode(str));
          text += b !== null && b >= 32 && b < 127 ? String.fromCharCode(b) : '.';
        }
        out.push(document.createTextNode('  ' + text + '\n'));
      }
      this.dump.replaceChildren(...out);
    }

    // lastChange is the address that changed last, up to this frame.
    lastChange() {
      for (let i = this.at; i >= 0; i--) {
        const p = this.f.frames[i].patches;
        if (p && p.length) return p[0].at;
      }
      return this.f.base;
    }
  }

  const open = d => {
    if (d.open && !d.film) d.film = new Film(d);
  };
  for (const d of document.querySelectorAll('details.film')) {
    d.addEventListener('toggle', () => open(d));
    open(d);
  }
  // A link to what lies in a folded part opens it.
  const unfold = () => {
    let e = null;
    try { e = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
    const target = e;
    for (; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener('hashchange', unfold);
  if (location.hash) unfold();
  // All parts show on paper.
  addEventListener('beforeprint', () => {
    for (const d of document.querySelectorAll('details.fold')) d.open = true;
  });

  // A click on a picture shows it as large as the window.
  const dialog = document.getElementById('zoom');
  if (dialog && dialog.showModal) {
    for (const b of document.querySelectorAll('button.zoom')) {
      b.hidden = false;
      b.onclick = () => {
        const svg = b.closest('figure').querySelector('svg.wide').cloneNode(true);
        dialog.querySelector('div').replaceChildren(svg);
        dialog.showModal();
      };
    }
    dialog.querySelector('button').onclick = () => dialog.close();
  }
})();
