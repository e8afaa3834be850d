import { describe, expect, it } from 'vitest';
import { configOf, KINDS, MEDIA, typedOf } from './media';

describe('a medium in a form', () => {
  it('keeps what was read, but for secrets', () => {
    const config = { kind: 'aliyun_sms', access_key_id: 'id', access_key_secret: true, sign_name: '某公司', template_code: 'SMS_1', params: { site: '{site}', what: '{hazard}' }, max_value_chars: 35, base_url: null };
    expect(configOf('aliyun_sms', typedOf('aliyun_sms', config))).toEqual({ ...config, access_key_secret: '' });
  });

  it('takes lines and numbers as they are meant', () => {
    const typed = { ...typedOf('tencent_sms', null), params: ' {site} \n\n{hazard}', max_value_chars: '12' };
    expect(configOf('tencent_sms', typed)).toMatchObject({ params: ['{site}', '{hazard}'], max_value_chars: 12, region: 'ap-guangzhou' });
    expect(configOf('mqtt', { ...typedOf('mqtt', null), tls: 'false' })).toMatchObject({ port: 8883, tls: false });
  });

  it('has a first value for every choice', () => {
    for (const kind of KINDS) for (const field of MEDIA[kind] ?? []) if (field.options !== undefined) expect(field.options).toContain(field.initial);
  });
});
