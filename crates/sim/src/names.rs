//! Names for premises that do not exist.

use std::collections::HashSet;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::premises::PremisesKind;

/// First parts of names.
const GIVEN: [&str; 48] = [
    "鑫源",
    "宏达",
    "福盛",
    "恒通",
    "金鼎",
    "华泰",
    "瑞丰",
    "永兴",
    "德胜",
    "兴隆",
    "广源",
    "汇丰",
    "祥和",
    "嘉禾",
    "锦绣",
    "天泽",
    "湘江",
    "神农",
    "炎帝",
    "明珠",
    "东升",
    "新世纪",
    "富民",
    "万盛",
    "双喜",
    "聚宝",
    "顺达",
    "同心",
    "安居",
    "红星",
    "南方",
    "银河",
    "春天",
    "百福",
    "长虹",
    "大地",
    "金桥",
    "中天",
    "星沙",
    "楚天",
    "合众",
    "仁和",
    "康乐",
    "世纪",
    "国泰",
    "远大",
    "盛世",
    "丰泽",
];

/// Distribution boxes with where they hang.
pub(crate) const PANELS: [(&str, &str); 6] = [
    ("总配电箱", "一楼配电间"),
    ("二层配电箱", "二楼楼梯间"),
    ("三层配电箱", "三楼东侧过道"),
    ("仓库配电箱", "后院仓库门口"),
    ("东区配电箱", "东区立柱旁"),
    ("西区配电箱", "西区收银台后"),
];

/// Circuits with what they feed.
pub(crate) const CIRCUITS: [(&str, &str); 8] = [
    ("总进线", "incoming"),
    ("照明回路", "lighting"),
    ("插座回路", "sockets"),
    ("空调回路", "air_conditioning"),
    ("动力回路", "motor"),
    ("商铺回路", "mixed"),
    ("冷柜回路", "refrigeration"),
    ("充电回路", "charging"),
];

/// Family names of contacts.
pub(crate) const CONTACTS: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭",
    "罗", "谢", "彭",
];

/// What contacts are.
pub(crate) const MANAGERS: [&str; 4] = ["经理", "店长", "主任", "师傅"];

/// Last parts of names by kind.
pub(crate) const fn suffixes(kind: PremisesKind) -> &'static [&'static str] {
    match kind {
        PremisesKind::BuildingMaterialMarket => &["建材市场", "装饰材料城", "建材批发部"],
        PremisesKind::LampShop => &["灯具店", "灯饰城", "照明商行"],
        PremisesKind::FurnishingCentre => &["家居城", "家具广场", "家居生活馆"],
        PremisesKind::ApplianceCentre => &["电器城", "家电商场", "电器专卖店"],
        PremisesKind::Mall => &["购物广场", "生活超市", "百货商场"],
        PremisesKind::HardwareStore => &["五金电器商店", "五金机电商行", "五金日杂店"],
        PremisesKind::Retail => &["商贸城", "商业街", "便民商业中心"],
        PremisesKind::FireEquipmentDealer => &["消防器材商店", "消防设备经营部"],
        PremisesKind::RentedHouse => &["公寓楼", "出租屋"],
    }
}

/// Gives each name once.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    used: HashSet<String>,
}

impl Naming {
    /// Premises of their own.
    pub(crate) fn premises(&mut self, district: &str, suffixes: &[&str], rng: &mut StdRng) -> String {
        let given = GIVEN.choose(rng).copied().unwrap_or("新");
        let suffix = suffixes.choose(rng).copied().unwrap_or("商店");
        self.once(format!("{district}{given}{suffix}"), rng)
    }

    /// A branch of a company.
    pub(crate) fn branch(&mut self, brand: &str, district: &str, rng: &mut StdRng) -> String {
        let given = GIVEN.choose(rng).copied().unwrap_or("新");
        self.once(format!("{brand}{district}{given}店"), rng)
    }

    fn once(&mut self, name: String, rng: &mut StdRng) -> String {
        let mut unique = name.clone();
        let mut number = 2 + rng.random_range(0..2);
        while !self.used.insert(unique.clone()) {
            unique = format!("{name}（{number}号）");
            number += 1;
        }
        unique
    }
}
