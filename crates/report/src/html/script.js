'use strict';
// The page: filters, groups and keys. Whatever comes from the data is set as text, never as markup.
(() => {
  const $ = (id) => document.getElementById(id);
  const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unscored'];
  const FIELDS = ['severity', 'state', 'area', 'fixable', 'namespace', 'framework', 'control', 'world'];
  const MANY = 40; // so many names are searched instead of chosen from a list
  const CHUNK = 60; // groups or findings that are drawn at once
  const FEW = 12; // so many findings are shown open
  const store = (value) => {
    try { // a page from a file may have no storage
      if (value === undefined) return localStorage.getItem('pavisade-theme');
      localStorage.setItem('pavisade-theme', value);
    } catch { return null; }
  };

  // Light and dark.
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const label = () => { $('theme').textContent = isDark() ? 'Light' : 'Dark'; $('theme').setAttribute('aria-label', `Switch to ${isDark() ? 'light' : 'dark'} colours`); };
  const switchTheme = () => { root.dataset.theme = isDark() ? 'light' : 'dark'; store(root.dataset.theme); label(); };
  if (['light', 'dark'].includes(store())) root.dataset.theme = store();
  $('theme').hidden = false;
  $('theme').addEventListener('click', switchTheme);
  label();

  const tools = $('tools');
  const help = $('help');
  const data = JSON.parse($('data').textContent);
  const text = (n) => data.strings[n];
  const number = (n) => n.toLocaleString('en');
  const count = (n, one) => `${number(n)} ${one}${n === 1 ? '' : 's'}`;

  const findings = data.findings.map((row) => {
    const check = data.checks[row[0]];
    const [link, kind, name, container, members, controls, further] = row.slice(17, 24).map(text);
    const [confidence, world, namespace, object, subject, file, place, path, message, fix, fingerprint, can, workloads] = row.slice(3, 16).map(text);
    const state = row[1] ? 'unknown' : 'fails';
    return {
      check, state, rank: row[2] + (row[1] ? 5 : 0), severity: SEVERITIES[row[2]], confidence, world, namespace, object,
      subject, file, place, path, message, fix, fingerprint, can, workloads, area: data.areas[check.area],
      fixable: ['no', 'safely', 'with review'][row[16]], link, kind, name, container,
      members: members ? members.split('\n').map((line) => line.split('\t')) : [],
      further: further ? further.split('\n').map((line) => line.split('\t')) : [],
      excerpt: row.length > 24 ? [row[24], ...row.slice(25).map(text)] : null,
      controls: controls ? controls.split(' ') : check.frameworks,
      frameworks: [...new Set((controls ? controls.split(' ') : check.frameworks).map((c) => c.split('/')[0]))],
    };
  });
  const haystack = (f) => (f.words ??= [f.check.id, f.check.name, f.check.title, f.place, f.subject, f.path, f.message].join('\n').toLowerCase());

  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) node.setAttribute(name, '');
      else if (value !== false && value !== null) node.setAttribute(name, value);
    }
    node.append(...children.filter((c) => c !== null));
    return node;
  };
  // What stands between backticks is code.
  const prose = (node, words) => {
    const parts = words.split('`');
    parts.forEach((part, i) => {
      const code = i % 2 === 1 && (parts.length % 2 === 1 || i + 1 < parts.length);
      node.append(code ? el('code', {}, part) : (i % 2 === 1 ? '`' : '') + part);
    });
    return node;
  };

  // What is asked for; it stands in the address, so that a view can be kept and sent.
  const wanted = { q: '', by: 'check' };
  FIELDS.forEach((field) => { wanted[field] = ''; });
  const NONE = '(none)';
  const value = (f, field) => (field === 'namespace' ? f.namespace || NONE : f[field]);
  const matches = (f) => {
    for (const field of FIELDS) {
      const want = wanted[field];
      if (!want) continue;
      if (field === 'framework' ? !f.frameworks.includes(want)
        : field === 'control' ? !f.controls.includes(want)
          : field === 'world' && searched ? !f.world.toLowerCase().includes(want.toLowerCase())
            : value(f, field) !== want) return false;
    }
    return wanted.q.toLowerCase().split(/\s+/).every((word) => !word || haystack(f).includes(word));
  };
  // A control of another framework is no choice.
  const fillControls = () => {
    const own = wanted.framework;
    const all = own ? distinct((f) => f.controls.filter((c) => c.startsWith(`${own}/`))).sort(byNumber) : [];
    if (wanted.control && !all.includes(wanted.control)) wanted.control = '';
    const title = (c) => { const name = controlTitles.get(c); return c.slice(own.length + 1) + (name ? ` ${name.length > 60 ? `${name.slice(0, 59)}…` : name}` : ''); };
    $('control').replaceChildren(el('option', { value: '' }, 'All controls'), ...all.map((c) => el('option', { value: c }, title(c))));
    $('control').hidden = all.length === 0;
  };
  const fillSelect = (field, plural, all) => {
    const select = $(field);
    select.append(el('option', { value: '' }, field === 'fixable' ? 'Fixable or not' : `All ${plural}`), ...all.map((v) => el('option', { value: v }, v)));
    select.hidden = all.length < 2 && field !== 'framework';
    if (all.length === 0) select.hidden = true;
    select.addEventListener('change', () => { wanted[field] = select.value; if (field === 'framework') fillControls(); draw(); });
  };
  const byNumber = (a, b) => a.localeCompare(b, 'en', { numeric: true });
  const controlTitles = new Map(data.frameworks.flatMap((f) => f.controls.map(([id, title]) => [`${f.id}/${id}`, title])));
  const distinct = (of) => [...new Set(findings.flatMap(of))].sort((a, b) => a.localeCompare(b));

  // Groups.
  const keys = {
    check: (f) => [[`${f.check.id} ${f.state}`, f.check.title]],
    object: (f) => [[`${f.world} ${f.object}`, f.object]],
    file: (f) => [[f.file || NONE, f.file || 'In no file']],
    area: (f) => [[f.area, f.area]],
    severity: (f) => (f.state === 'unknown' ? [['unknown', 'unknown']] : [[f.severity, f.severity]]),
    namespace: (f) => [[f.namespace, f.namespace || 'No namespace']],
    world: (f) => [[f.world, f.world || 'No world']],
    control: (f) => {
      const want = wanted.framework;
      const own = f.controls.filter((c) => (wanted.control ? c === wanted.control : !want || c.startsWith(`${want}/`)));
      if (want) return own.map((c) => [c, `${c.slice(want.length + 1)} ${controlTitles.get(c) ?? ''}`]);
      return f.frameworks.length ? f.frameworks.map((id) => [id, data.frameworks.find((one) => one.id === id)?.title ?? id]) : [[NONE, 'No framework']];
    },
  };
  const grouped = (shown) => {
    const groups = new Map();
    for (const f of shown) {
      for (const [key, name] of keys[wanted.by](f)) {
        let group = groups.get(key);
        if (!group) groups.set(key, group = { key, name, findings: [], rank: f.rank });
        group.findings.push(f);
        group.rank = Math.min(group.rank, f.rank);
      }
    }
    const natural = wanted.by === 'control' && wanted.framework;
    return [...groups.values()].sort((a, b) => (natural ? a.name.localeCompare(b.name, 'en', { numeric: true })
      : a.rank - b.rank || b.findings.length - a.findings.length || a.name.localeCompare(b.name)));
  };
  const word = (rank) => (rank > 4 ? 'unknown' : SEVERITIES[rank]);

  // A list that is drawn as far as somebody looks.
  const waiting = new Map();
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((e) => e.isIntersecting).forEach((e) => waiting.get(e.target)?.());
  }, { rootMargin: '800px' });
  const drawList = (parent, items, make) => {
    let at = 0;
    const end = el('div', { class: 'end' });
    parent.append(end);
    const more = (all) => {
      do {
        end.before(...items.slice(at, at + CHUNK).map(make));
        at += CHUNK;
      } while (all && at < items.length);
      if (at >= items.length) { watcher.unobserve(end); waiting.delete(end); end.remove(); }
    };
    waiting.set(end, more);
    more(false);
    if (at < items.length) watcher.observe(end);
  };

  // Why and fix of a check; what the program can do is said for these findings, not for the check.
  const advice = (f, all) => {
    const found = document.querySelector(`#${f.check.id} > .advice`);
    if (!found) return el('div');
    const box = found.cloneNode(true);
    box.querySelector('.can')?.remove();
    const able = all.filter((one) => one.can);
    if (able.length) {
      const places = able.length < all.length ? ` in ${number(able.length)} of ${number(all.length)} places` : '';
      box.lastElementChild.append(prose(el('p', { class: 'can' }), able[0].can.replace('can do this', `can do this${places}`)));
    }
    return box;
  };
  const chip = (rank) => el('span', { class: `severity ${word(rank)}` }, word(rank));
  const facts = (f) => {
    const pairs = [['Check', `${f.check.id} ${f.check.name}`], ['Severity', f.severity], ['Confidence', f.confidence], ['Area', f.area],
      ['Fixable', f.fixable], ['Runs in', f.workloads], ['World', f.world === '.' ? '' : f.world], ['Controls', f.controls.join(', ')], ['Fingerprint', f.fingerprint]];
    return el('div', {}, el('dl', { class: 'facts' }, ...pairs.filter(([, v]) => v).flatMap(([k, v]) => [el('dt', {}, k), el('dd', {}, v)])), excepts(f));
  };
  // An exception for a policy file, to be filled in: a reason and a date are asked for.
  const quoted = (words) => JSON.stringify(words);
  const exception = (f) => {
    const pairs = [['kind', f.kind], ['namespace', f.namespace], ['name', f.name], ['container', f.container]].filter(([, v]) => v);
    const subject = pairs.map(([k, v]) => `${k}: ${quoted(v)}`).join(', ');
    return ['exceptions:', `  - checks: [${f.check.name}]`,
      ...(subject ? [`    subjects: [{${subject}}]`] : [`    fingerprints: [${quoted(f.fingerprint)}]`]),
      '    until: YYYY-MM-DD', '    reason: ""', ''].join('\n');
  };
  const copy = async (words) => {
    try { await navigator.clipboard.writeText(words); return true; } catch { /* a page from a file may not */ }
    const area = el('textarea', {}, words);
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  };
  const excepts = (f) => {
    const button = el('button', { type: 'button', class: 'link copy' }, 'Copy as exception');
    button.addEventListener('click', async () => {
      const words = exception(f);
      if (await copy(words)) { button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy as exception'; }, 1500); } else button.after(el('pre', {}, words));
    });
    return button;
  };
  const makeFinding = (rank, mixed) => (f) => {
    const byCheck = wanted.by === 'check';
    const box = el('article', { class: 'finding', tabindex: '0' });
    const message = prose(el('p', { class: 'message' }), f.message);
    if (!byCheck || f.rank !== rank) message.prepend(chip(f.rank), ' ');
    box.append(message);
    const where = el('p', { class: 'where' }, f.link ? el('a', { href: f.link, rel: 'noreferrer' }, el('code', {}, f.place)) : el('code', {}, f.place));
    if (f.subject !== f.place && wanted.by !== 'object') where.append(' ', el('span', {}, f.subject));
    box.append(where);
    if (f.excerpt) {
      const [line, before, marked, after, above, below] = f.excerpt;
      const lines = (texts) => (texts ? texts.split('\n') : []);
      const others = (texts, from) => texts.map((words, i) => el('span', { class: 'beside' }, el('b', {}, String(from + i)), ` ${words}\n`));
      const up = lines(above);
      box.append(el('pre', {}, ...others(up, line - up.length),
        el('b', { 'aria-label': `line ${line}` }, String(line)), ' ' + before, el('mark', {}, marked), after + '\n', ...others(lines(below), line + 1)));
    }
    if (f.members.length) {
      box.append(el('ul', { class: 'members' }, ...f.members.map(([check, place, words]) => prose(el('li', {}, check ? el('strong', {}, check) : '', ' '), words + (place ? ` (${place})` : '')))));
    }
    if (f.further.length) {
      box.append(el('ul', { class: 'members' }, ...f.further.map(([label, place]) => el('li', {}, `${label}: `, el('code', {}, place)))));
    }
    if (f.path) box.append(el('p', { class: 'path' }, f.path));
    if (f.fix) f.fix.split('\n').forEach((p) => box.append(prose(el('p', { class: 'fix' }), p)));
    if (f.can && byCheck && mixed) box.append(prose(el('p', { class: 'can' }), f.can));
    const more = el('details', { class: 'more' }, el('summary', {}, byCheck ? 'Details' : 'Why, and how to fix it'));
    more.addEventListener('toggle', () => {
      if (more.open && more.children.length === 1) more.append(...(byCheck ? [] : [advice(f, [f])]), facts(f));
    });
    box.append(more);
    return box;
  };
  // The long folder that all files are in says nothing in a list; each finding shows it.
  const common = (() => {
    const files = distinct((f) => f.file || []);
    let folder = files.length > 1 ? files[0].slice(0, files[0].lastIndexOf('/') + 1) : '';
    files.forEach((file) => {
      while (!file.startsWith(folder)) folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
    });
    return folder.length > 12 ? folder : '';
  })();
  const brief = (file) => (common && file.startsWith(common) ? `…/${file.slice(common.length)}` : file);
  const places = (all) => {
    const files = [...new Set(all.map((f) => (f.file ? brief(f.file) : f.place)))];
    // How many comes first: the end of a long line is cut.
    const many = files.length > 2;
    const what = all.every((f) => f.file) ? 'files' : 'places';
    return (many ? `${number(files.length)} ${what}: ` : '') + files.slice(0, 2).join(', ') + (many ? ', …' : '');
  };
  const spread = (all) => {
    const counts = new Map();
    all.forEach((f) => { const w = word(f.rank); counts.set(w, (counts.get(w) || 0) + 1); });
    return counts.size > 1 ? [...SEVERITIES, 'unknown'].filter((w) => counts.has(w)).map((w) => `${number(counts.get(w))} ${w}`).join(', ') : '';
  };
  let unfolded = false;
  const makeGroup = (group) => {
    const [first] = group.findings;
    const byCheck = wanted.by === 'check';
    const name = el('span', { class: 'name' });
    prose(name, group.name);
    const sub = byCheck ? `${first.check.id} · ${places(group.findings)}`
      : [wanted.by === 'object' && first.world !== '.' ? `in ${first.world}` : '', spread(group.findings)].filter(Boolean).join(' · ');
    const head = el('summary', {}, chip(group.rank), el('span', { class: 'head' }, name, sub ? el('span', { class: 'sub' }, sub) : ''),
      el('span', { class: 'number', 'aria-label': `${group.findings.length} findings` }, number(group.findings.length)));
    const box = el('details', { class: `group ${word(group.rank)}` }, head);
    const fill = () => {
      if (box.children.length > 1) return;
      const body = el('div', { class: 'body' });
      if (byCheck) body.append(advice(first, group.findings));
      box.append(body);
      drawList(body, group.findings, makeFinding(group.rank, group.findings.some((f) => !f.can)));
    };
    box.addEventListener('toggle', () => { if (box.open) fill(); });
    if (unfolded) { box.open = true; fill(); }
    return box;
  };

  const draw = (fromAddress) => {
    const shown = findings.filter(matches);
    const groups = grouped(shown);
    const list = $('list');
    waiting.forEach((_, end) => watcher.unobserve(end));
    waiting.clear();
    unfolded = shown.length <= FEW || wanted.open === 'all';
    list.replaceChildren();
    drawList(list, groups, makeGroup);
    const filtered = FIELDS.filter((field) => wanted[field]);
    if (!shown.length) list.append(el('p', { class: 'calm' }, 'No finding is like that.'));
    const unknown = shown.filter((f) => f.state === 'unknown').length;
    const fails = shown.length - unknown;
    const parts = [fails || !unknown ? count(fails, 'finding') : '', unknown ? `${number(unknown)} unknown` : ''].filter(Boolean);
    const all = shown.length === findings.length;
    const what = all ? parts.join(', ') : `${number(shown.length)} of ${number(findings.length)} shown`;
    $('status').textContent = `${what}, in ${count(groups.length, 'group')}`;
    $('clear').hidden = !filtered.length && !wanted.q;
    $('active').textContent = filtered.length ? ` (${filtered.length})` : '';
    $('open').textContent = unfolded ? 'Close all' : 'Open all';
    fillControls();
    FIELDS.concat(['by', 'q']).forEach((field) => { if ($(field).value !== wanted[field]) $(field).value = wanted[field]; });
    if (searched && $('worlds').value !== wanted.world) $('worlds').value = wanted.world;
    drawControls(shown);
    document.querySelectorAll('[data-field]').forEach((a) => {
      a.setAttribute('aria-current', String(wanted[a.dataset.field] === a.dataset.value));
    });
    if (fromAddress) return;
    const kept = Object.entries(wanted).filter(([k, v]) => v && !(k === 'by' && v === 'check'));
    try { history.replaceState(null, '', kept.length ? '#' + new URLSearchParams(kept) : location.pathname + location.search); } catch { /* not in a frame */ }
  };
  const clear = () => { FIELDS.concat('q').forEach((field) => { wanted[field] = ''; }); draw(); };
  const readAddress = () => {
    for (const [key, given] of new URLSearchParams(location.hash.slice(1))) {
      const v = key === 'by' && given === 'framework' ? 'control' : given; // as it was called before
      if (key === 'by' ? Object.hasOwn(keys, v) : Object.hasOwn(wanted, key) || key === 'open') wanted[key] = v;
    }
  };
  const showHelp = () => (help.open ? help.close() : help.showModal());

  // What the frameworks ask for, and what is said of it.
  const STATES = { fails: 'critical', unknown: 'unknown', 'holds in part': 'medium', holds: 'good' };
  const drawControls = () => {
    const box = $('compliance');
    if (!box || !data.frameworks.length) return;
    const own = data.frameworks.find((f) => f.id === ($('standard').value || wanted.framework)) ?? data.frameworks[0];
    const counts = new Map();
    findings.filter((f) => f.state === 'fails').forEach((f) => f.controls.forEach((c) => counts.set(c, (counts.get(c) || 0) + 1)));
    const rows = own.controls.map(([id, title, state]) => {
      const key = `${own.id}/${id}`;
      const n = counts.get(key) || 0;
      const show = n ? el('button', { type: 'button', class: 'link' }, count(n, 'finding')) : null;
      show?.addEventListener('click', () => {
        FIELDS.concat('q').forEach((field) => { wanted[field] = ''; });
        Object.assign(wanted, { framework: own.id, control: key, state: 'fails' });
        draw();
        $('findings').scrollIntoView();
      });
      return el('tr', {}, el('td', {}, el('code', {}, id)), el('td', {}, title), el('td', { class: `severity ${STATES[state] ?? 'muted'}` }, state), el('td', {}, show ?? ''));
    });
    const states = new Map();
    own.controls.forEach(([, , state]) => states.set(state, (states.get(state) || 0) + 1));
    $('states').textContent = [...states].map(([state, n]) => `${number(n)} ${state}`).join(' · ');
    $('controls').replaceChildren(...rows);
    $('standard').value = own.id;
    if (wanted.framework) box.dataset.chosen = '';
  };
  if ($('compliance') && data.frameworks.length) {
    $('standard').append(...data.frameworks.map((f) => el('option', { value: f.id }, f.title)));
    $('standard').addEventListener('change', () => { $('compliance').dataset.chosen = ''; drawControls(); });
    $('compliance').hidden = false;
    const jump = el('button', { type: 'button', class: 'link' }, 'Compliance');
    jump.addEventListener('click', () => $('compliance').scrollIntoView());
    $('keys')?.before(jump);
    drawControls();
  }

  const worlds = distinct((f) => f.world);
  const searched = worlds.length > MANY;
  let timer;
  if (tools) {
    fillSelect('severity', 'severities', SEVERITIES.filter((s) => findings.some((f) => f.severity === s)));
    fillSelect('state', 'states', ['fails', 'unknown'].filter((s) => findings.some((f) => f.state === s)));
    fillSelect('area', 'areas', data.areas.filter((a) => findings.some((f) => f.area === a)));
    fillSelect('namespace', 'namespaces', distinct((f) => value(f, 'namespace')));
    fillSelect('framework', 'frameworks', distinct((f) => f.frameworks));
    fillSelect('fixable', 'fixable or not', ['safely', 'with review', 'no'].filter((s) => findings.some((f) => f.fixable === s)));
    [...$('fixable').options].slice(1).forEach((o) => { o.textContent = { safely: 'Fixable safely', 'with review': 'Fixable with review', no: 'Not fixable' }[o.value]; });
    fillSelect('control', 'controls', []);
    fillSelect('world', 'worlds', worlds);
    if (searched) {
      $('world').hidden = true;
      $('worlds').hidden = false;
      $('worlds').placeholder = `World (${number(worlds.length)})`;
      $('names').append(...worlds.map((v) => el('option', { value: v })));
      $('worlds').addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(() => { wanted.world = $('worlds').value; draw(); }, 150); });
    }
    tools.hidden = false;
    $('filters').open = matchMedia('(min-width: 760px)').matches;
    tools.addEventListener('submit', (event) => event.preventDefault());
    $('q').addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => { wanted.q = $('q').value; draw(); }, 120);
    });
    $('by').addEventListener('change', () => { wanted.by = $('by').value; draw(); });
    $('clear').addEventListener('click', clear);
    $('open').addEventListener('click', () => {
      const open = !unfolded;
      wanted.open = open ? 'all' : '';
      draw();
      if (!open) { document.querySelectorAll('#list details').forEach((d) => { d.open = false; }); unfolded = false; $('open').textContent = 'Open all'; }
    });
    $('keys').addEventListener('click', showHelp);
    document.querySelectorAll('[data-field]').forEach((a) => a.addEventListener('click', (event) => {
      const { field, value: v } = a.dataset;
      event.preventDefault();
      wanted[field] = wanted[field] === v ? '' : v;
      if (field === 'severity' && wanted[field]) wanted.state = 'fails';
      else if (field === 'severity') wanted.state = '';
      else if (field === 'state') wanted.severity = '';
      draw();
    }));
    readAddress();
    draw(true);
  }

  // Keys: nothing that a browser or a reader of the screen needs.
  const step = (by) => {
    const all = [...document.querySelectorAll('#list .group > summary, #list .finding')].filter((n) => n.checkVisibility());
    const at = all.indexOf(document.activeElement?.closest('.group > summary, .finding'));
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (event.key === 'Escape' && tools && !help.open) {
      if (at === $('q')) at.blur();
      else clear();
      return;
    }
    if (at.matches('input, select, textarea') || (help.open && event.key !== '?')) return;
    const act = {
      '/': () => { $('q')?.focus(); $('q')?.select(); },
      j: () => step(1),
      k: () => step(-1),
      t: switchTheme,
      '?': showHelp,
      g: () => { if (!tools) return; const all = Object.keys(keys); wanted.by = all[(all.indexOf(wanted.by) + 1) % all.length]; draw(); },
      Enter: at.matches('.finding') ? () => { const more = at.querySelector('.more'); more.open = !more.open; } : null,
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // On paper everything that the filters leave is open.
  addEventListener('beforeprint', () => {
    if (!tools) return;
    const drawAll = () => [...waiting.values()].forEach((more) => more(true));
    drawAll();
    document.querySelectorAll('#list > .group').forEach((d) => { d.open = true; d.dispatchEvent(new Event('toggle')); });
    drawAll();
  });
})();
