-- What the telegram log keeps of one terminal, where somebody decided it; NULL is the platform's setting.
ALTER TABLE terminal ADD COLUMN telegram_level TEXT;
