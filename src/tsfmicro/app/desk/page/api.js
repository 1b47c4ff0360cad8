/** What the page asks of its server. Every answer is JSON; a mistake is an Error whose message can be shown. */

const KEPT = 10000; // letters; browsers refuse more than 64 KB of what is to outlive a page

/** @param {string} name @returns {string} a video's address */
export const videoAt = (name) => `api/videos/${encodeURIComponent(name)}`;

/**
 * @param {string} path
 * @param {Record<string, string|number|null|undefined>} params left out where null
 * @returns {string}
 */
export function address(path, params = {}) {
  const told = Object.entries(params).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(told.map(([name, value]) => [name, String(value)]));
  return told.length ? `${path}?${query}` : path;
}

/** @param {string} path @param {Record<string, any>} [params] @returns {Promise<any>} */
export const get = (path, params) => answered(fetch(address(path, params)));

/** @param {string} path @param {Record<string, any>} body @returns {Promise<any>} */
export function post(path, body) {
  const text = JSON.stringify(body);
  const keepalive = text.length < KEPT; // it arrives though the page is left
  return answered(fetch(path, {method: 'POST', headers: {'content-type': 'application/json', 'x-desk': '1'}, body: text, keepalive}));
}

/** @param {string} path @param {Record<string, any>} params @param {Blob} file @returns {Promise<any>} */
export const send = (path, params, file) =>
  answered(fetch(address(path, params), {method: 'POST', headers: {'x-desk': '1'}, body: file}));

/** @param {string} path @param {Record<string, any>} params @returns {Promise<Blob>} */
export const getFile = (path, params) => answered(fetch(address(path, params)), (response) => response.blob());

/** @param {Promise<Response>} asked @param {(response: Response) => Promise<any>} [read] @returns {Promise<any>} */
async function answered(asked, read = (response) => response.json()) {
  let response;
  try {
    response = await asked;
  } catch {
    throw Object.assign(new Error('The program does not answer. Start it again: what is not saved yet is saved then, while this page stays open.'), {gone: true});
  }
  const told = await (response.ok ? read(response) : response.json()).catch(() => ({error: `The program answered ${response.status}.`}));
  if (!response.ok) throw Object.assign(new Error(told.error), {status: response.status});
  return told;
}
