// The part of the development stand-in that answers for sites, detectors, pending devices, settings, people and the system.
const now = () => Date.now();
const iso = (agoS) => new Date(now() - agoS * 1000).toISOString();
const channel = (id, name, point, quantity, phase, unit, decimals, base, limits = {}) => ({ id, name, point, quantity, phase, unit, decimals, base, limits: { warning: null, alarm: null, low_warning: null, low_alarm: null, ...limits } });
const kinds = (base) => [
  channel(base + 1, '剩余电流', 'residual', 'residual_current', null, 'mA', 0, 86, { warning: 300, alarm: 500 }),
  ...['a', 'b', 'c', 'n'].map((p, i) => channel(base + 2 + i, `${p.toUpperCase()} 相线缆温度`, `t_${p}`, 'conductor_temperature', p, '°C', 1, 38 + i * 4, { warning: 60, alarm: 70 })),
  ...['a', 'b', 'c'].map((p, i) => channel(base + 6 + i, `${p.toUpperCase()} 相电流`, `i_${p}`, 'current', p, 'A', 1, 20 + i * 7, { warning: 56.7, alarm: 63 })),
  ...['a', 'b', 'c'].map((p, i) => channel(base + 9 + i, `${p.toUpperCase()} 相电压`, `u_${p}`, 'voltage', p, 'V', 1, 229 + i, { warning: 242, alarm: 253, low_warning: 198, low_alarm: 187 })),
  channel(base + 12, '总有功功率', 'p', 'active_power', 'total', 'W', 0, 15600),
  channel(base + 13, '电能', 'e', 'energy', null, 'kWh', 1, 18234.5),
];
const phase = (c, t) => {
  const wave = Math.sin(t / 9e6 + c.id) * 0.12 + Math.sin(t / 7e5 + c.id * 3) * 0.04;
  return c.quantity === 'voltage' ? c.base * (1 + wave * 0.12) : c.base * (1 + wave);
};
const live = (c, d) => {
  const age = d.status === 'offline' ? 5400 : (now() / 1000) % 10;
  const hot = d.id % 4 === 0 && c.point === 't_a';
  const open = d.status === 'offline' && c.point === 't_n';
  const { base, ...rest } = c;
  return { ...rest, value: open ? null : Number((hot ? 78.4 : phase(c, now())).toFixed(c.decimals)), quality: open ? 'sensor_open' : 'good', measured_at: iso(age + 1), received_at: iso(age), stale: age > 90, stale_after_s: 90, open_alarm: hot ? { id: 1, severity: 'alarm' } : null };
};
const names = ['总进线', '后厨插座', '照明', '空调', '冷柜', '卷帘门'];
const detectors = Array.from({ length: 6 }, (_, i) => ({ id: i + 1, name: `${names[i]}探测器`, serial: `8650${100200 + i}`, terminal_id: i + 1, unit_address: i % 2 ? i : null, profile_id: i % 2 ? 'adl3000' : 'arcm300-cloud', profile_name: i % 2 ? 'ADL3000 三相电表' : 'ARCM300 组合式探测器（7B7B）', site_id: 1, site_name: '宏发建材市场1号', circuit_id: i === 5 ? null : i + 1, circuit_name: i === 5 ? null : names[i], status: ['normal', 'warning', 'normal', 'alarm', 'offline', 'unknown'][i], last_heard_at: i === 5 ? null : iso(i === 4 ? 5400 : 6), signal: 20 - i, verified: i % 2 === 1, version: 1, channels: i === 5 ? [] : kinds(i * 100) }));
const TOML = `# ADL3000 三相多功能电表\nid = "adl3000"\nname = "ADL3000 三相电表"\nverified = true\nsource = "ADL3000 安装使用说明书 V1.8，附录"\n\n[[points]]\ncode = "u_a"\nname = "A 相电压"\naddress = 0x0061\nformat = "u16"\nscale = 0.1\nunit = "V"\n`;
const profiles = [['arcm300-cloud', 'ARCM300 组合式探测器（7B7B）', 'cloud_7b7b', false], ['arcm300-modbus', 'ARCM300 组合式探测器', 'modbus_rtu', false], ['adl3000', 'ADL3000 三相电表', 'modbus_rtu', true], ['aim-r100', 'AIM-R100 十二路剩余电流监测仪', 'modbus_rtu', true], ['asj-relay', 'ASJ 剩余电流继电器', 'modbus_rtu', true], ['leakage-breaker', '漏电断路器（通用）', 'modbus_rtu', false]].map(([id, name, kind, verified], i) => ({ id, name, maker: '安科瑞', kind, verified, source: `${name} 使用说明书，通信章节`, interval_s: 60, points: 12 + i, detectors: i * 37 }));
let pending = [['86501234567', 'cloud_7b7b', 'arcm300-cloud'], ['DTU-4471', 'modbus_rtu', null], ['86507654321', 'cloud_7b7b', null]].map(([serial, protocol, hint], i) => ({ id: 900 + i, serial, protocol, iccid: '8986043719' + (1000000000 + i), remote: `10.8.3.${20 + i}:51324`, first_seen_at: iso(7200 * (i + 1)), last_seen_at: iso(30 * (i + 1)), attempts: 4 + i, signal: 18, firmware: 'V2.3', hint_profile_id: hint, readings_ignored: 42 * i, refused: i === 2, refused_reason: i === 2 ? '不是我们的设备' : null }));
const source = { residual_current: 'GB 14287.2-2014 4.3.1', over_temperature: 'GB 14287.3-2014 4.3.1', over_voltage: 'GB/T 12325-2008', under_voltage: 'GB/T 12325-2008', overload: 'GB 50054-2011', phase_loss: 'GB 14287.4-2014' };
const defaults = { residual_current: ['mA', 300, 500, 10, 10, 20, true, ['residual_current']], over_temperature: ['°C', 60, 70, 10, 30, 3, true, ['conductor_temperature']], over_voltage: ['V', 242, 253, 15, 15, 3, false, ['voltage']], under_voltage: ['V', 198, 187, 15, 15, 3, false, ['voltage']], overload: ['%', 90, 100, 60, 60, 5, false, ['current']], phase_loss: ['V', null, 30, 5, 5, 10, false, ['voltage']] };
const own = new Map();
const NAMES = { platform: '平台默认', site: '宏发建材市场1号', detector: '总进线探测器', organisation: '株洲市', profile: 'ADL3000 三相电表', channel: 'A 相线缆温度' };
function hazardOf(scope, id, hazard) {
  const [unit, warning, alarm, on_delay_s, off_delay_s, deadband, latching, applies] = defaults[hazard];
  const said = own.get(`${scope}/${id}/${hazard}`) ?? { own: {}, version: 0 };
  const base = { enabled: true, warning, alarm, on_delay_s, off_delay_s, deadband, latching };
  const mine = { enabled: null, warning: null, alarm: null, on_delay_s: null, off_delay_s: null, deadband: null, latching: null, ...said.own };
  const effective = Object.fromEntries(Object.entries(base).map(([f, value]) => [f, mine[f] !== null ? { value: mine[f], origin: { scope, id: String(id), name: NAMES[scope], source: null } } : hazard === 'over_temperature' && f === 'alarm' && !['platform', 'profile'].includes(scope) ? { value: 65, origin: { scope: 'organisation', id: '1', name: '株洲市', source: null } } : { value, origin: { scope: 'platform', id: '0', name: '平台默认', source: source[hazard] } }]));
  return { hazard, unit, applies, own: mine, effective, version: said.version };
}
const supervision = new Map();
const organisations = [[1, '株洲市', null, '主管部门'], [2, '芦淞市场群', 1, '市场'], [3, '宏发建材', 2, '公司'], [4, '天元商业', 1, '公司']].map(([id, name, parent_id, kind]) => ({ id, name, parent_id, kind, path: `/${id}/`, version: 1 }));
const users = [['admin', '张晓', [['administrator', null, null]]], ['wangfang', '王芳', [['operator', null, '430203']]], ['chen', '陈师傅', [['electrician', 2, null], ['owner', 3, '430203']]], ['laoli', '李老板', [['owner', 3, null]]]].map(([login, name, grants], i) => ({ id: i + 1, login, name, language: 'zh-CN', disabled: i === 3, must_change_password: i === 2, locked_until: i === 1 ? new Date(now() + 600e3).toISOString() : null, last_sign_in_at: i === 2 ? null : iso(3600 * i + 60), grants: grants.map(([role, organisation_id, area_code]) => ({ role, organisation_id, area_code })), version: 1 }));
const tokens = [{ id: 1, name: '市大屏', role: 'regulator', organisation_id: null, area_code: '430200', created_at: iso(86400 * 9), expires_at: iso(-86400 * 81), last_used_at: iso(40), prefix: 'ewt_8f2c' }];
const audit = ['site.create', 'settings.limits', 'account.create', 'terminal.admit', 'session.create', 'alarm.acknowledge'].map((action, i) => ({ id: 60 - i, at: iso(i * 2400 + 20), actor: i === 4 ? 'wangfang' : 'admin', actor_kind: 'user', action, object_kind: action.split('.')[0], object_id: String(i + 3), object_name: ['宏发建材市场1号', '总进线探测器', '王芳', '86501230000', '', '剩余电流超限'][i], before: i === 1 ? { alarm: 500, warning: 300 } : null, after: i === 1 ? { alarm: 400, warning: 300 } : i === 4 ? null : { name: '新', version: 1 }, remote: '10.1.1.8', hash: 'a94f'.repeat(16) }));
const hex = '7B7B84010000001C08650123456720261124190A1200640012003C01A401980190018E00D200E600F808F508F808FC3CF05B2F7D7D';
const telegrams = Array.from({ length: 24 }, (_, i) => ({ id: 500 - i, at: iso(i * 14), direction: i % 3 === 2 ? 'down' : 'up', protocol: 'cloud_7b7b', remote: '10.8.3.20:51324', hex, length: i === 5 ? 900 : hex.length / 2, refused: i === 4, reason: i === 4 ? 'checksum: had 5B2F, computed 5B2E' : null, clause: i === 4 ? '云平台协议 3.2' : null, fields: i === 4 ? [] : [[0, 2, '帧头', '7B7B'], [2, 1, '命令', '0x84 上传'], [7, 1, '信号', '28'], [8, 6, '序列号', '86501234567'], [14, 6, '时间', '2026-11-24 19:10:18'], [20, 2, '剩余电流', '100 mA'], [22, 2, 'A 相温度', '42.0 °C'], [24, 2, 'B 相温度', '40.8 °C'], [hex.length / 2 - 4, 2, '校验', '5B2F 正确'], [hex.length / 2 - 2, 2, '帧尾', '7D7D']].map(([offset, len, name, value]) => ({ offset, len, name, value })) }));

/** Answers, or says `false` when the address is none of these. */
export function places({ method, path, q, said, json, problem, res, sites, areas }) {
  const m = (re) => path.match(re);
  const page = (items) => json(res, { items, next_cursor: null, total: items.length });
  const invalid = (errors) => problem(res, 422, 'invalid', { errors });
  let hit;
  if (path === '/areas') return json(res, [{ code: '430200', name: '株洲市', parent_code: null }, ...areas.map((a) => ({ code: a.code, name: a.name, parent_code: '430200' }))]);
  if (path === '/organisations') { if (method === 'POST') organisations.push({ id: organisations.length + 1, path: '', version: 1, ...said }); return json(res, organisations); }
  if ((hit = m(/^\/organisations\/(\d+)$/))) { if (method === 'DELETE') return problem(res, 409, 'not_empty', { detail: 'it still holds 2 sites' }); Object.assign(organisations.find((o) => o.id === Number(hit[1])), said); return json(res, said); }
  if (path === '/sites' && method === 'POST') { if (said.name === '重名') return invalid([{ field: 'name', code: 'taken', message: 'taken', params: {} }]); const site = { ...sites[0], ...said, id: sites.length + 1, version: 1, status: 'unknown', counts: { detectors: 0, alarm: 0, warning: 0, fault: 0, offline: 0 } }; sites.push(site); return json(res, site, 201); }
  if (path === '/sites') { const l = sites.filter((s) => (!q.q || (s.name + s.address).includes(q.q)) && (!q.status || q.status.split(',').includes(s.status)) && (!q.area || q.area.endsWith('00') || s.area_code === q.area)); if (q.sort?.includes('name')) l.sort((a, b) => (q.sort === 'name' ? 1 : -1) * a.name.localeCompare(b.name)); else l.sort((a, b) => ['alarm', 'warning', 'fault', 'offline', 'normal'].indexOf(a.status) - ['alarm', 'warning', 'fault', 'offline', 'normal'].indexOf(b.status)); const from = Number(q.cursor || 0); return json(res, { items: l.slice(from, from + 50).map((s) => ({ version: 1, ...s })), next_cursor: from + 50 < l.length ? String(from + 50) : null, total: l.length }); }
  if ((hit = m(/^\/sites\/(\d+)\/tree$/))) {
    const site = sites.find((s) => s.id === Number(hit[1]));
    if (!site) return problem(res, 404, 'not_found');
    const at = (d) => ({ id: d.id, name: d.name, profile_id: d.profile_id, status: d.status, last_heard_at: d.last_heard_at, channels: d.channels.map((c) => live(c, d)) });
    const circuit = (i) => ({ id: i + 1, name: names[i], rated_current_a: i === 2 ? null : 63, phases: i ? 1 : 3, load_kind: ['incoming', 'kitchen', 'lighting', 'air_conditioning', 'refrigeration', '卷帘门电机'][i], version: 1, detectors: i === 5 ? [] : [at(detectors[i])] });
    return json(res, { site: { version: 1, ...site, counts: { detectors: 6, alarm: 1, warning: 1, fault: 0, offline: 1 }, status: 'alarm' }, panels: site.id > 150 ? [] : [{ id: 1, name: '一楼总箱', location: '一楼楼梯间', version: 1, circuits: [0, 1, 2].map(circuit) }, { id: 2, name: '二楼配电箱', location: '', version: 1, circuits: [3, 4, 5].map(circuit) }, { id: 3, name: '备用箱', location: '', version: 1, circuits: [] }], unplaced_detectors: site.id > 150 ? [] : [at(detectors[5])] });
  }
  if ((hit = m(/^\/sites\/(\d+)$/))) { const site = sites.find((s) => s.id === Number(hit[1])); if (method === 'DELETE') return problem(res, 409, 'not_empty', { detail: 'the site still holds 6 detectors' }); return json(res, Object.assign(site, said)); }
  if (m(/^\/(panels|circuits)\/|\/panels$|\/circuits$/)) return method === 'DELETE' ? problem(res, 409, 'not_empty', { detail: 'it still holds detectors' }) : json(res, { id: 77, version: 1, ...said }, 201);
  const bare = ({ channels, ...d }) => d;
  if (path === '/detectors') return page(detectors.filter((d) => (!q.q || (d.name + d.serial).includes(q.q)) && (!q.status || d.status === q.status) && (!q.profile || d.profile_id === q.profile)).map(bare));
  if ((hit = m(/^\/detectors\/(\d+)$/))) {
    const d = detectors.find((x) => x.id === Number(hit[1])) ?? { ...detectors[0], id: Number(hit[1]) };
    if (Number(hit[1]) > 5000) return problem(res, 404, 'not_found');
    if (method === 'PATCH') Object.assign(d, said);
    return json(res, { ...bare(d), terminal: { id: d.terminal_id, serial: d.serial, protocol: d.unit_address ? 'modbus_rtu' : 'cloud_7b7b', iccid: '89860437191000000001', signal: d.signal, firmware: 'V2.3', connected: d.status !== 'offline', connected_at: iso(40000), remote: '10.8.3.20:51324', last_heard_at: d.last_heard_at }, profile: { id: d.profile_id, name: d.profile_name, verified: d.verified, source: 'ARCM300 说明书第 6 章' }, channels: d.channels.map((c) => live(c, d)), supervision: { interval_s: 60, offline_after_s: 180 } });
  }
  if ((hit = m(/^\/terminals\/(\d+)$/))) return json(res, { id: 1, serial: '8650100200', protocol: 'cloud_7b7b', admission: 'admitted', iccid: '89860437191000000001', seen_iccid: '89860437191000000099', signal: 20, firmware: 'V2.3', connected: true, connected_at: iso(40000), remote: '', first_seen_at: iso(9e6), last_seen_at: iso(4), detectors: [], events: ['connected', 'iccid_changed', 'disconnected', 'replaced'].map((event, i) => ({ id: i, at: iso(i * 9000 + 60), event, detail: i === 1 ? '8986…0001 -> 8986…0099' : '', remote: '10.8.3.20:51324' })) });
  if (m(/^\/(detectors|terminals)\/\d+\/telegrams$/)) return page(telegrams.filter((t) => q.refused !== 'true' || t.refused));
  if ((hit = m(/^\/detectors\/(\d+)\/curve$/))) {
    const d = detectors.find((x) => x.id === Number(hit[1]));
    if (!d) return false;
    const from = Date.parse(q.from), to = Date.parse(q.to), n = 400, ids = q.channels.split(',').map(Number);
    const chosen = d.channels.filter((c) => ids.includes(c.id));
    const gap = [from + (to - from) * 0.55, from + (to - from) * 0.6];
    return json(res, { step_s: (to - from) / n / 1000, from: q.from, to: q.to, series: chosen.map((c) => ({ channel_id: c.id, quantity: c.quantity, unit: c.unit, points: Array.from({ length: n }, (_, i) => from + ((to - from) * i) / n).filter((t) => t < gap[0] || t > gap[1]).map((t) => { const v = phase(c, t) * (c.point === 't_a' && d.status === 'alarm' && t > from + (to - from) * 0.8 ? 1.9 : 1); return [t, v * 0.97, v, v * 1.04, v]; }), gaps: [gap] })), limits: chosen.flatMap((c) => [['warning', 'high', c.limits.warning], ['alarm', 'high', c.limits.alarm], ['warning', 'low', c.limits.low_warning], ['alarm', 'low', c.limits.low_alarm]].filter((l) => l[2] !== null).map(([severity, direction, value]) => ({ channel_id: c.id, severity, direction, value }))), alarms: d.status === 'alarm' && ids.includes(d.channels[1].id) ? [{ alarm_id: 1, channel_id: d.channels[1].id, hazard: 'over_temperature', severity: 'alarm', from: new Date(from + (to - from) * 0.8).toISOString(), to: null }] : [] });
  }
  if (path === '/profiles') return json(res, profiles);
  if ((hit = m(/^\/profiles\/(.+)$/))) { const p = profiles.find((x) => x.id === hit[1]); return p ? json(res, { ...p, can_reset: true, points: kinds(0).map((c, i) => ({ code: c.point, name: c.name, quantity: c.quantity, phase: c.phase, unit: c.unit, decimals: c.decimals, address: 0x61 + i, format: 'u16' })), statuses: [], text: TOML.repeat(4) }) : problem(res, 404, 'not_found'); }
  if (path === '/pending') return page(pending.filter((p) => p.refused === (q.refused === 'true') && (!q.q || p.serial.includes(q.q))));
  if ((hit = m(/^\/pending\/(\d+)\/(\w+)$/))) {
    const p = pending.find((x) => x.id === Number(hit[1]));
    if (hit[2] === 'refuse') p.refused = true;
    if (hit[2] === 'restore') p.refused = false;
    if (hit[2] !== 'admit') return json(res, null, 204);
    if (said.detectors[0].name === '重名') return invalid([{ field: 'detectors[0].new_circuit.name', code: 'taken', message: 'taken', params: {} }]);
    pending = pending.filter((x) => x !== p);
    return json(res, { terminal_id: p.id, detector_ids: [1] }, 201);
  }
  if ((hit = m(/^\/settings\/supervision\/(\w+)\/(.+)$/))) {
    const key = `${hit[1]}/${hit[2]}`;
    if (method === 'PUT') { if (said.offline_factor > 100) return invalid([{ field: 'offline_factor', code: 'out_of_range', message: 'wanted 1 to 100', params: { min: 1, max: 100 } }]); supervision.set(key, said); }
    const s = supervision.get(key) ?? {};
    const of = (value, base) => ({ value: value ?? base, origin: { scope: value == null ? 'platform' : hit[1], id: '0', name: value == null ? '平台默认' : NAMES[hit[1]], source: null } });
    return json(res, { scope: hit[1], id: hit[2], name: NAMES[hit[1]], offline_factor: s.offline_factor ?? null, interval_s: s.interval_s ?? null, effective: { offline_factor: of(s.offline_factor, 3), interval_s: of(s.interval_s, null) }, version: s.version ?? 0 });
  }
  if ((hit = m(/^\/settings\/(\w+)\/([^/]+)\/(\w+)$/))) { if (said.own.alarm > 1000) return invalid([{ field: 'alarm', code: 'out_of_range', message: 'had 5000, wanted 20 to 1000', params: { min: 20, max: 1000 } }]); own.set(`${hit[1]}/${hit[2]}/${hit[3]}`, { own: said.own, version: said.version + 1 }); return json(res, hazardOf(hit[1], hit[2], hit[3])); }
  if ((hit = m(/^\/settings\/(\w+)\/([^/]+)$/))) return json(res, { scope: hit[1], id: hit[2], name: NAMES[hit[1]], version: 1, hazards: Object.keys(defaults).map((h) => hazardOf(hit[1], hit[2], h)) });
  if (path === '/users') { if (method !== 'POST') return page(users.filter((u) => !q.q || (u.login + u.name).includes(q.q))); if (users.some((u) => u.login === said.login)) return invalid([{ field: 'login', code: 'taken', message: 'taken', params: {} }]); const user = { id: users.length + 1, disabled: false, must_change_password: true, locked_until: null, last_sign_in_at: null, version: 1, ...said }; users.push(user); return json(res, { user, one_time_password: 'kfwq-72hn-pxr4' }, 201); }
  if ((hit = m(/^\/users\/(\d+)(?:\/(.+))?$/))) { const u = users.find((x) => x.id === Number(hit[1])); if (hit[2] === 'reset-password') return json(res, { one_time_password: 'mq7d-x2kt-94vh' }); if (hit[2] === 'unlock') { u.locked_until = null; return json(res, null, 204); } return json(res, Object.assign(u, said)); }
  if (path === '/tokens') { if (method === 'POST') { tokens.push({ id: tokens.length + 1, created_at: iso(0), last_used_at: null, prefix: 'ewt_77aa', ...said }); return json(res, { token: 'ewt_77aa4f0c9be24d0d8e2f6a51b3c7', ...tokens.at(-1) }, 201); } return json(res, tokens); }
  if (m(/^\/tokens\/\d+$/)) { tokens.length = 0; return json(res, null, 204); }
  if (path === '/audit') return page(audit);
  if (path === '/audit/verify') return json(res, { entries: 60, intact: true, first_broken: null });
  if (path === '/system') return json(res, { version: '0.1.0', started_at: iso(86400 * 3), roles: ['gateway', 'engine', 'api'], data_dir_bytes: 8.1e8, disk_free_bytes: 4e11, storage_limit_bytes: 1e10, store_full: false, queues: [{ name: 'intake', len: 1200 + Math.round(Math.random() * 50), bound: 4096, when_full: 'the session waits' }, { name: 'telegrams', len: 7900, bound: 8192, when_full: 'dropped and counted' }, { name: 'live', len: 2, bound: 1024, when_full: 'gap' }], connections: 412, terminals_connected: 405, live_streams: 3, readings_per_s: 61.2, counters: { readings_confirmed: 123456, readings_refused: 12, frames_refused: 3 }, telegram_dropped: 0 });
  return false;
}
