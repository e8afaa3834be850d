// Development stand-in for the server: a small invented city in memory. admin / demo-password. MOCK_SETUP=1 starts at the first run.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { places } from './mock-places.mjs';

const outline = JSON.parse(readFileSync(new URL('../../crates/api/assets/zhuzhou.geojson', import.meta.url)));
const areas = outline.features.map((f) => ({ ...f.properties, centre: f.geometry.coordinates[0].reduce((a, p, _, r) => [a[0] + p[0] / r.length, a[1] + p[1] / r.length], [0, 0]) }));
let seed = 7;
const rnd = () => ((seed = (seed * 16807) % 2147483647) / 2147483647);
const pick = (a) => a[Math.floor(rnd() * a.length)];
const iso = (agoS) => new Date(Date.now() - agoS * 1000).toISOString();
const kinds = ['建材市场', '灯具店', '家居广场', '五金店', '沿街商铺', '出租屋', '加工作坊', '农家乐'];
const names = ['宏发', '鑫隆', '天虹', '湘江', '神农', '建宁', '红旗', '响石', '贺家土', '白鹤'];
const sites = Array.from({ length: 200 }, (_, i) => {
  const area = areas[i % 4 === 3 ? i % 9 : [0, 1, 2, 3][i % 4]];
  return { id: i + 1, name: `${pick(names)}${pick(kinds)}${i + 1}号`, address: `${area.name}建设路 ${i + 3} 号`, area_code: area.code, area_name: area.name, organisation_id: 1, organisation_name: '株洲市', premises_kind: 'retail', lon: area.centre[0] + (rnd() - 0.5) * 0.08, lat: area.centre[1] + (rnd() - 0.5) * 0.08, zone: 'Asia/Shanghai', status: 'normal', counts: { detectors: 3, alarm: 0, warning: 0, fault: 0, offline: 0 }, contact_name: '李强', contact_phone: '13900000000' };
});
const hz = [['residual_current', 'residual_current', 'mA', 500, 612], ['over_temperature', 'conductor_temperature', '°C', 70, 83.4], ['overload', 'current', 'A', 63, 78.2], ['under_voltage', 'voltage', 'V', 187, 178.1], ['over_voltage', 'voltage', 'V', 253, 261.7], ['phase_loss', 'voltage', 'V', 30, 3.2]];
let nextId = 1;
function makeAlarm(agoS, force) {
  const site = pick(sites);
  const fault = !force && rnd() < 0.3;
  const [hazard, quantity, unit, limit, value] = fault ? [pick(['offline', 'sensor_open', 'weak_signal']), null, null, null, null] : pick(hz);
  const severity = fault ? 'fault' : rnd() < 0.4 ? 'alarm' : 'warning';
  const state = force ? 'unacknowledged' : pick(['unacknowledged', 'acknowledged', 'acknowledged', 'latched_unacknowledged', 'latched_acknowledged', 'returned_unacknowledged', 'closed', 'closed', 'closed']);
  const acked = !state.includes('unack') && state !== 'unacknowledged';
  const a = { id: nextId++, site_id: site.id, site_name: site.name, area_code: site.area_code, organisation_id: 1, detector_id: site.id * 3, detector_name: '组合式探测器 1', channel_id: fault ? null : site.id * 30, channel_name: fault ? null : 'A 相进线', quantity, phase: fault ? null : pick(['a', 'b', 'c']), unit, panel_name: '一层配电箱', circuit_id: 1, circuit_name: pick(['进线', '照明', '后厨', '空调', '卷帘门']), hazard, class: fault ? 'fault' : 'hazard', severity, worst_severity: severity, state, raised_at: iso(agoS), returned_at: /returned|latched|closed/.test(state) ? iso(agoS / 2) : null, acknowledged_at: acked ? iso(agoS * 0.8) : null, acknowledged_by: acked ? '王芳' : null, closed_at: state === 'closed' ? iso(agoS / 3) : null, close_reason: state === 'closed' ? 'reset' : null, late: rnd() < 0.05, reported_by_device: rnd() < 0.2, limit, current_value: value, worst_value: value && value * 1.05, current_at: iso(rnd() * 200), version: 1, transitions: [] };
  const who = { kind: 'user', name: '王芳' };
  a.transitions.push({ id: 1, at: a.raised_at, event: 'raised', from_state: null, to_state: 'unacknowledged', severity, value, actor: { kind: 'system', name: null }, reason: null, comment: null });
  if (acked) a.transitions.push({ id: 2, at: a.acknowledged_at, event: 'acknowledged', from_state: 'unacknowledged', to_state: 'acknowledged', severity, value, actor: who, reason: null, comment: '已电话通知店主' });
  if (a.returned_at) a.transitions.push({ id: 3, at: a.returned_at, event: 'returned', from_state: 'acknowledged', to_state: state, severity, value: limit && limit * 0.8, actor: { kind: 'system', name: null }, reason: null, comment: null });
  return a;
}
const alarms = Array.from({ length: 90 }, () => makeAlarm(60 + rnd() * 86400 * 2, false));
const RANK = { alarm: 0, warning: 1, fault: 2 };
const isUnack = (a) => /unacknowledged/.test(a.state);
const order = (a, b) => RANK[a.severity] - RANK[b.severity] || isUnack(b) - isUnack(a) || (a.raised_at < b.raised_at ? 1 : -1);
function statuses() {
  for (const s of sites) {
    const open = alarms.filter((a) => a.site_id === s.id && a.state !== 'closed');
    s.open = open.length;
    s.status = open.length ? open.sort(order)[0].severity : s.id % 37 === 0 ? 'offline' : 'normal';
    for (const k of ['alarm', 'warning', 'fault']) s.counts[k] = open.filter((a) => a.severity === k).length;
  }
}
let mustChange = false;
let setup = process.env.MOCK_SETUP === '1';
let language = 'zh-CN';
const session = () => ({ user: { id: 1, login: 'admin', name: '张晓', language, must_change_password: mustChange }, roles: ['administrator'], permissions: ['view', 'alarm.acknowledge', 'alarm.reset', 'alarm.comment', 'device.admit', 'device.configure', 'settings.edit', 'people.manage', 'audit.view', 'telegram.view', 'token.manage'], scope: { organisations: [], areas: [], everything: true }, csrf_token: 'csrf', server: { version: '0.1.0', name: '株洲市智慧用电', now: iso(0), zone: 'Asia/Shanghai', demo: true } });
const listeners = new Set();
let seq = 0;
const log = [];
const emit = (event, data) => {
  const e = { id: `b-${++seq}`, event, data };
  log.push(e);
  for (const r of listeners) r.write(`id: ${e.id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};
const bare = ({ transitions, ...a }) => a;
setInterval(() => { for (const r of listeners) r.write(`event: ping\ndata: {"server_now":"${iso(0)}"}\n\n`); }, 10000);
setInterval(() => { const a = makeAlarm(1, true); alarms.push(a); emit('alarm', bare(a)); }, Number(process.env.MOCK_EVERY_S ?? 45) * 1000);
const problem = (res, status, code, extra = {}) => { res.writeHead(status, { 'content-type': 'application/problem+json' }); res.end(JSON.stringify({ status, code, title: code, detail: extra.detail ?? '', request_id: '01JD' + Math.floor(rnd() * 1e9), ...extra })); };
const json = (res, body, status = 200, headers = {}) => { res.writeHead(status, { 'content-type': 'application/json', ...headers }); res.end(body === null ? '' : JSON.stringify(body)); };
let failures = 0;

http.createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  const path = url.pathname.replace('/api/v1', '');
  const q = Object.fromEntries(url.searchParams);
  let body = '';
  for await (const c of req) body += c;
  const said = body ? JSON.parse(body) : {};
  const signed = /ew_session=1/.test(req.headers.cookie ?? '');
  const m = (re) => path.match(re);
  if (process.env.MOCK_LOG) console.log(req.method, req.url);
  if (path === '/setup' && req.method === 'GET') return json(res, { needed: setup });
  if (path === '/setup') { if (said.setup_code !== '1234') return problem(res, 422, 'invalid', { errors: [{ field: 'setup_code', code: 'wrong', message: 'wrong code' }] }); setup = false; return json(res, session(), 201, { 'set-cookie': 'ew_session=1; Path=/' }); }
  if (path === '/session' && req.method === 'POST') {
    if (failures >= 3) return problem(res, 429, 'locked_out', { retry_after_s: 90 });
    if (said.login !== 'admin') { failures++; return problem(res, 401, 'invalid_credentials'); }
    mustChange = said.password === 'once'; failures = 0;
    return json(res, session(), 200, { 'set-cookie': 'ew_session=1; Path=/' });
  }
  if (!signed) return problem(res, 401, 'unauthenticated');
  if (path === '/session' && req.method === 'DELETE') return json(res, null, 204, { 'set-cookie': 'ew_session=0; Path=/' });
  if (path === '/session') return json(res, session());
  if (path === '/session/profile') { language = said.language ?? language; return json(res, session()); }
  if (path === '/session/password') { if (said.new_password.length < 10) return problem(res, 422, 'invalid', { errors: [{ field: 'new_password', code: 'too_short', message: 'too short', params: { min: 10 } }] }); mustChange = false; return json(res, null, 204); }
  if (path === '/live') {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    res.write(`id: b-${seq}\nevent: hello\ndata: ${JSON.stringify({ boot: 'b', seq, server_now: iso(0) })}\n\n`);
    const last = Number((req.headers['last-event-id'] ?? q.last_event_id ?? '').split('-')[1] ?? NaN);
    if (last >= 0) for (const e of log.slice(last)) res.write(`id: ${e.id}\nevent: ${e.event}\ndata: ${JSON.stringify(e.data)}\n\n`);
    listeners.add(res);
    return req.on('close', () => listeners.delete(res));
  }
  statuses();
  if (places({ method: req.method, path, q, said, json, problem, res, sites, areas }) !== false) return;
  if (path === '/map/outline') return json(res, outline);
  if (path === '/map') return json(res, { sites: sites.map((s) => ({ id: s.id, name: s.name, lon: s.lon, lat: s.lat, status: s.status, area_code: s.area_code, open: s.open })) });
  if (path === '/overview') {
    const within = sites.filter((s) => !q.area || s.area_code === q.area);
    const open = alarms.filter((a) => a.state !== 'closed' && (!q.area || a.area_code === q.area));
    const n = (k) => within.filter((s) => s.status === k).length;
    return json(res, { counts: { sites: within.length, detectors: within.length * 3, alarm: n('alarm'), warning: n('warning'), fault: n('fault'), offline: n('offline'), normal: n('normal') * 3 - 4, unknown: 4 }, alarms_today: 34, alarms_usual: 21.4, unacknowledged: open.filter(isUnack).length, waiting: { pending_terminals: 3, unacknowledged: open.filter(isUnack).length, latched: open.filter((a) => a.state.startsWith('latched')).length },
      worst: within.filter((s) => s.open).sort((a, b) => b.counts.alarm - a.counts.alarm || b.counts.warning - a.counts.warning).slice(0, 10).map((s) => ({ site_id: s.id, site_name: s.name, status: s.status, open_alarm: s.counts.alarm, open_warning: s.counts.warning, open_fault: s.counts.fault, longest_open_since: iso(3600 * (1 + s.id % 30)) })),
      by_area: areas.map((a) => { const w = sites.filter((s) => s.area_code === a.code); const c = (k) => w.filter((s) => s.status === k).length; return { area_code: a.code, name: a.name, sites: w.length, alarm: c('alarm'), warning: c('warning'), fault: c('fault'), offline: c('offline') }; }),
      by_hazard: [...new Set(open.map((a) => a.hazard))].map((hazard) => ({ hazard, open: open.filter((a) => a.hazard === hazard).length })), storage: { used_bytes: 8.1e8, limit_bytes: 1e10, warning: false }, intake: { readings_per_s: 61.2, confirmed_total: 123456, refused_total: 12, telegrams_dropped_total: 0 } });
  }
  if (path === '/alarms') {
    const states = q.state === 'open' ? null : q.state?.split(',');
    let l = alarms.filter((a) => (!q.state || (q.state === 'open' ? a.state !== 'closed' : states.includes(a.state))) && (!q.severity || q.severity.split(',').includes(a.severity)) && (!q.hazard || q.hazard.split(',').includes(a.hazard)) && (!q.q || (a.site_name + a.circuit_name).includes(q.q)) && (!q.area || a.area_code === q.area));
    l.sort(q.sort === 'priority' ? order : (a, b) => ((a.raised_at < b.raised_at) === (q.sort ?? '-').startsWith('-') ? 1 : -1));
    const from = Number(q.cursor || 0), limit = Number(q.limit ?? 50);
    return json(res, { items: l.slice(from, from + limit).map(bare), next_cursor: from + limit < l.length ? String(from + limit) : null, total: l.length });
  }
  let hit;
  const ack = (a) => { a.state = a.state === 'unacknowledged' ? 'acknowledged' : a.state === 'latched_unacknowledged' ? 'latched_acknowledged' : 'closed'; a.acknowledged_at = iso(0); a.acknowledged_by = '张晓'; a.version++; a.transitions.push({ id: a.transitions.length + 1, at: iso(0), event: 'acknowledged', from_state: 'unacknowledged', to_state: a.state, severity: a.severity, value: a.current_value, actor: { kind: 'user', name: '张晓' }, reason: null, comment: null }); emit('alarm', bare(a)); };
  if (path === '/alarms/acknowledge') { for (const id of said.ids) ack(alarms.find((a) => a.id === id)); return json(res, { done: said.ids, refused: [] }); }
  if ((hit = m(/^\/alarms\/(\d+)(?:\/(.+))?$/))) {
    const a = alarms.find((x) => x.id === Number(hit[1]));
    if (!a) return problem(res, 404, 'not_found');
    if (hit[2] === 'acknowledge') { ack(a); return json(res, bare(a)); }
    if (hit[2] === 'undo-acknowledge') { a.state = 'unacknowledged'; a.acknowledged_at = a.acknowledged_by = null; a.version++; emit('alarm', bare(a)); return json(res, bare(a)); }
    if (hit[2] === 'reset') { if (a.state === 'acknowledged' || a.state === 'unacknowledged') return problem(res, 409, 'condition_present', { detail: 'value is still above the limit' }); a.state = 'closed'; a.closed_at = iso(0); a.version++; emit('alarm', bare(a)); return json(res, { ...bare(a), device_command: 'sent' }); }
    if (hit[2] === 'comment') { a.transitions.push({ id: a.transitions.length + 1, at: iso(0), event: 'commented', from_state: a.state, to_state: a.state, severity: a.severity, value: null, actor: { kind: 'user', name: '张晓' }, reason: null, comment: said.comment }); return json(res, bare(a)); }
    return json(res, { ...a, guidance: { owner: [1, 2, 3].map((n) => `${a.hazard}.${a.severity}.owner.${n}`), electrician: [1, 2, 3, 4, 5].map((n) => `${a.hazard}.electrician.${n}`) }, curve: null });
  }
  if ((hit = m(/^\/detectors\/(\d+)\/curve$/))) {
    const a = alarms.find((x) => x.detector_id === Number(hit[1]) && x.limit);
    const from = Date.parse(q.from), to = Date.parse(q.to), n = 240;
    const low = a?.hazard === 'under_voltage' || a?.hazard === 'phase_loss';
    const points = Array.from({ length: n }, (_, i) => { const t = from + ((to - from) * i) / n; const after = t > Date.parse(a?.raised_at ?? 0); const base = (a?.limit ?? 100) * (low ? (after ? 0.94 : 1.12) : after ? 1.12 + 0.05 * Math.sin(i / 9) : 0.7 + 0.3 * (i / n)); return [t, base * 0.98, base, base * 1.02, base]; });
    return json(res, { step_s: (to - from) / n / 1000, from: q.from, to: q.to, series: [{ channel_id: Number(q.channels.split(',')[0]), quantity: a?.quantity ?? 'current', unit: a?.unit ?? 'A', points, gaps: [] }], limits: [{ channel_id: Number(q.channels.split(',')[0]), severity: 'alarm', direction: low ? 'low' : 'high', value: a?.limit ?? 90 }], alarms: a ? [{ alarm_id: a.id, channel_id: a.channel_id, hazard: a.hazard, severity: a.severity, from: a.raised_at, to: a.returned_at }] : [] });
  }
  problem(res, 404, 'not_found');
}).listen(Number(process.env.PORT ?? 8099));
