//! One file for each way to reach people: how it is set up, what is said to the provider, how its answer is read.

pub(crate) mod aliyun;
pub mod aliyun_sms;
pub mod aliyun_voice;
pub mod bark;
pub mod dingtalk;
pub mod feishu;
pub mod mqtt;
pub mod ntfy;
pub mod smtp;
pub mod tencent_sms;
pub mod web_push;
pub mod webhook;
pub mod wecom;
