-- What the figures for admins are counted from, without a look at the rows: a file is one row for each work in it.
CREATE INDEX media_files_present ON media_files (file_path, file_size) WHERE missing_at IS NULL;
CREATE INDEX media_files_missing ON media_files (missing_at) WHERE missing_at IS NOT NULL;
