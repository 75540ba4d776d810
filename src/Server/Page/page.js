'use strict';
// The page of 'videosim serve'. Every text of the index is set as text, never as markup.
const byId = name => document.getElementById(name);
let token = '';
let last = null; // asks again after a token is given

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  byId('token-form').hidden = answer.status !== 401;
  if (!answer.ok)
    throw new Error(body.error);
  return body;
}

function say(text, isError = false) {
  byId('message').textContent = text;
  byId('message').className = isError ? 'error' : '';
}

function show(found, query) {
  const rows = found.similar.map(video => {
    const row = document.createElement('tr');
    const link = document.createElement('a');
    link.href = `#${encodeURIComponent(video.id)}`;
    link.textContent = video.id;
    for (const content of [video.cosine.toFixed(4), video.title ?? '', link]) {
      const cell = document.createElement('td');
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  byId('found').querySelector('tbody').replaceChildren(...rows);
  byId('query').textContent = found.title ? `${query}: ${found.title}` : query;
  byId('found').hidden = rows.length === 0;
  say(rows.length === 0 ? 'There is no other video.' : '');
}

async function search(query, path, options) {
  last = () => search(query, path, options);
  byId('found').hidden = true;
  say('Searching…');
  try {
    show(await ask(path, options), query);
  } catch (failure) {
    say(failure.message, true);
  }
}

function searchId(id) {
  byId('id').value = id;
  return search(id, `search?id=${encodeURIComponent(id)}`);
}

async function describe() {
  try {
    const index = await ask('index');
    const model = index.origin ? `, embeddings of ${index.origin.model}` : '';
    byId('summary').textContent = `${index.videos.toLocaleString('en')} videos${model}`;
  } catch (failure) {
    say(failure.message, true);
  }
}

byId('id-form').addEventListener('submit', event => {
  event.preventDefault();
  const hash = `#${encodeURIComponent(byId('id').value)}`;
  if (location.hash === hash)
    searchId(byId('id').value);
  else
    location.hash = hash;
});

byId('video-form').addEventListener('submit', event => {
  event.preventDefault();
  const body = new FormData();
  body.append('title', byId('title').value);
  body.append('frames', byId('frames').files[0]);
  search(byId('title').value || byId('frames').files[0].name, 'search', { method: 'POST', body });
});

byId('token-form').addEventListener('submit', event => {
  event.preventDefault();
  token = byId('token').value;
  describe().then(() => last?.());
});

window.addEventListener('hashchange', () => searchId(decodeURIComponent(location.hash.slice(1))));
describe().then(() => location.hash.length > 1 && searchId(decodeURIComponent(location.hash.slice(1))));
