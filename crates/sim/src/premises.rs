//! The kinds of premises, each with the day that its loads make.

use serde::{Deserialize, Serialize};

/// Kinds of premises, after the list of the campaign's plan (section 2, 整治范围), and rented houses in
/// urban villages after its section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PremisesKind {
    /// 建材市场
    BuildingMaterialMarket,
    /// 灯具店
    LampShop,
    /// 家居城
    FurnishingCentre,
    /// 电器城
    ApplianceCentre,
    /// 商场超市
    Mall,
    /// 五金电器商店
    HardwareStore,
    /// 商业集中网点
    Retail,
    /// 消防器材商店
    FireEquipmentDealer,
    /// 城中村出租屋
    RentedHouse,
}

impl PremisesKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::BuildingMaterialMarket,
        Self::LampShop,
        Self::FurnishingCentre,
        Self::ApplianceCentre,
        Self::Mall,
        Self::HardwareStore,
        Self::Retail,
        Self::FireEquipmentDealer,
        Self::RentedHouse,
    ];

    /// The stable name, as the screens know it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BuildingMaterialMarket => "building_material_market",
            Self::LampShop => "lamp_shop",
            Self::FurnishingCentre => "furnishing_centre",
            Self::ApplianceCentre => "appliance_centre",
            Self::Mall => "mall",
            Self::HardwareStore => "hardware_store",
            Self::Retail => "retail",
            Self::FireEquipmentDealer => "fire_equipment_dealer",
            Self::RentedHouse => "rented_house",
        }
    }

    /// Load at each full hour of the local day, as a share of the day's peak. Assumed shapes: shops live by their
    /// opening hours, supermarkets keep their cold counters, rented houses have their evening.
    #[must_use]
    pub const fn day(self) -> &'static [f64; 24] {
        const SHOP: [f64; 24] = [
            0.12, 0.11, 0.10, 0.10, 0.10, 0.11, 0.14, 0.25, 0.55, 0.80, 0.90, 0.95, 0.90, 0.92, 0.97, 1.00,
            0.98, 0.92, 0.85, 0.72, 0.50, 0.30, 0.18, 0.14,
        ];
        const LIGHTS: [f64; 24] = [
            0.15, 0.12, 0.12, 0.12, 0.12, 0.12, 0.15, 0.22, 0.60, 0.82, 0.85, 0.86, 0.85, 0.86, 0.88, 0.90,
            0.93, 0.97, 1.00, 0.98, 0.85, 0.50, 0.25, 0.18,
        ];
        const COLD: [f64; 24] = [
            0.38, 0.36, 0.35, 0.35, 0.36, 0.40, 0.50, 0.65, 0.80, 0.88, 0.93, 0.97, 0.95, 0.92, 0.93, 0.95,
            0.97, 1.00, 0.99, 0.97, 0.90, 0.72, 0.50, 0.42,
        ];
        const HOME: [f64; 24] = [
            0.45, 0.32, 0.26, 0.24, 0.24, 0.26, 0.38, 0.52, 0.48, 0.40, 0.38, 0.48, 0.55, 0.46, 0.40, 0.42,
            0.48, 0.62, 0.82, 0.96, 1.00, 0.98, 0.85, 0.62,
        ];
        match self {
            Self::BuildingMaterialMarket | Self::HardwareStore | Self::FireEquipmentDealer => &SHOP,
            Self::LampShop | Self::FurnishingCentre | Self::ApplianceCentre | Self::Retail => &LIGHTS,
            Self::Mall => &COLD,
            Self::RentedHouse => &HOME,
        }
    }

    /// Peak load as a share of the circuit's rated current. Assumed.
    #[must_use]
    pub const fn peak_share(self) -> f64 {
        match self {
            Self::BuildingMaterialMarket => 0.55,
            Self::LampShop => 0.60,
            Self::FurnishingCentre => 0.58,
            Self::ApplianceCentre => 0.66,
            Self::Mall => 0.70,
            Self::HardwareStore => 0.45,
            Self::Retail => 0.62,
            Self::FireEquipmentDealer => 0.40,
            Self::RentedHouse => 0.64,
        }
    }

    /// Natural capacitive leakage with everything switched on, mA. GB 50116-2013 9.2.3 commentary: commonly
    /// 100 to 200 mA at an incomer; circuits have a part of it.
    #[must_use]
    pub const fn natural_leakage_ma(self) -> f64 {
        match self {
            Self::BuildingMaterialMarket => 45.0,
            Self::LampShop => 70.0,
            Self::FurnishingCentre => 60.0,
            Self::ApplianceCentre => 85.0,
            Self::Mall => 90.0,
            Self::HardwareStore => 35.0,
            Self::Retail => 65.0,
            Self::FireEquipmentDealer => 30.0,
            Self::RentedHouse => 40.0,
        }
    }
}
