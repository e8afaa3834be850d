/** Shapes of `/profiles`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Profile = Answer<Schemas['ProfileSummary']>;
export type ProfileDetail = Answer<Schemas['ProfileDetail']>;
export type ProfileOrigin = Schemas['ProfileOrigin'];
export type Check = Answer<Schemas['ProfileCheck']>;
export type Mistake = Answer<Schemas['ProfileMistake']>;
export type Break = Answer<Schemas['ProfileBreak']>;
export type Version = Answer<Schemas['ProfileVersion']>;
export type DiffLine = Answer<Schemas['DiffLine']>;
export type Imported = Answer<Schemas['ImportedProfile']>;
export type Line = Answer<Schemas['ProfileLine']>;
export type Tested = Answer<Schemas['ProfileTested']>;
export type TestFrame = Answer<Schemas['TestFrame']>;
export type TestGroup = Answer<Schemas['TestGroup']>;
export type Tried = Answer<Schemas['ProfileTried']>;

/** The form: every number is a text as it is written in the file, empty where it is left out. */
export type ProfileForm = Answer<Schemas['ProfileForm']>;
export type FormPoint = ProfileForm['points'][number];
export type FormStatus = ProfileForm['statuses'][number];
export type FormGroup = ProfileForm['groups'][number];
export type FormMeaning = FormStatus['meanings'][number];
export type FormInvalid = FormPoint['invalid'][number];
export type FormLimit = ProfileForm['limits'][number];
